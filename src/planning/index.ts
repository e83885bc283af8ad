export {
  budgetBytes,
  chooseCheckpointing,
  chooseMemory,
  savedCheckpointing,
  stepMemory,
  type Checkpointing,
  type MemoryChoice,
  type StepMemory,
} from './checkpointing.js';
export { phaseBytes, type BlockCosts, type PhaseBytes, type StepCosts } from './costs.js';
export {
  pixelsOf,
  plainBound,
  PROFILE_SIZES,
  type FrameSize,
  type MeasuredStep,
  type Trial,
} from './measured-step.js';
export { memoryOptions, type MemoryOptions } from './options.js';
export {
  longestRollout,
  phasePeaks,
  planFor,
  planRollout,
  smallestBudget,
  type MemoryPlan,
  type Segmented,
} from './plan.js';
export { profileCosts } from './profile-costs.js';
