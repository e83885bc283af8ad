export {
  checkpointedGradient,
  evenSegments,
  plainGradient,
  valueAndGradients,
  type Rollout,
  type RolloutGradient,
  type RolloutLoss,
  type Stretch,
} from './rollout-gradient.js';
