export { adamRate, adamUpdate, averageUpdate, type AdamRate, type AdamState } from './adam.js';
export { backpropagate, type Carried, type Chain, type OpenSegment } from './backpropagate.js';
export {
  checkpointedGradient,
  plainGradient,
  type CarriedShare,
  type Recomputation,
  type RolloutGradient,
} from './rollout-gradient.js';
export { forwardStep, runRollout, type Rollout, type StepBlock, type Outcome } from './rollout.js';
export { blockPhase } from './pull-back.js';
export { inPhase, PHASES, trackPeak, type Peak, type Phase, type PhasePeak } from './peak.js';
export {
  beginnings,
  evenSegments,
  extraSteps,
  scheduleInWords,
  segmentPeak,
  singleSteps,
  stepsIn,
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
