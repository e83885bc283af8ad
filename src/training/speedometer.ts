/** Frames a second and what is left, over a sliding mean of the last steps. */
export function createSpeedometer() {
  const WEIGHT = 0.1;
  let last = performance.now();
  let secondsPerStep: number | null = null;
  let secondsPerFrame: number | null = null;
  const slide = (mean: number | null, value: number): number =>
    mean === null ? value : mean + WEIGHT * (value - mean);
  return {
    tick(frames: number, stepsLeft: number, secondsToDeadline: number) {
      const now = performance.now();
      const seconds = (now - last) / 1000;
      last = now;
      secondsPerStep = slide(secondsPerStep, seconds);
      secondsPerFrame = slide(secondsPerFrame, seconds / frames);
      return {
        framesPerSecond: 1 / secondsPerFrame,
        etaSeconds: Math.max(0, Math.min(secondsPerStep * stepsLeft, secondsToDeadline)),
      };
    },
  };
}
