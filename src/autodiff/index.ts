export { backpropagate, type Chain, type LossGradient, type Piece } from './backpropagate.js';
export {
  checkpointedGradient,
  plainGradient,
  pullBack,
  type Rollout,
  type RolloutGradient,
  type RolloutLoss,
  type Stretch,
} from './rollout-gradient.js';
export { evenSegments, type Schedule, type Segment } from './schedule.js';
export { valueAndGradients } from './value-and-gradients.js';
