export { backpropagate, type Carried, type Chain, type OpenSegment } from './backpropagate.js';
export {
  checkpointedGradient,
  plainGradient,
  type Recomputation,
  type RolloutGradient,
} from './rollout-gradient.js';
export { forwardStep, runRollout, type Rollout, type StepBlock, type Outcome } from './rollout.js';
export {
  PHASES,
  phaseBytes,
  type BlockCosts,
  type Phase,
  type PhaseBytes,
  type StepCosts,
} from './costs.js';
export { blockPhase } from './pull-back.js';
export { inPhase, trackPeak, type Peak, type PhasePeak } from './peak.js';
export {
  longestRollout,
  phasePeaks,
  planFor,
  planRollout,
  smallestBudget,
  type MemoryPlan,
  type Segmented,
} from './plan.js';
export {
  evenSegments,
  scheduleInWords,
  stretchesInWords,
  type Schedule,
  type Segment,
} from './schedule.js';
export {
  sumInPlace,
  valueAndGradients,
  vectorJacobian,
  type LossGradient,
} from './value-and-gradients.js';
