/** The classes of the label clip, in id order, and the colour of each. */
export const PALETTE = {
  sky: [110, 180, 230],
  road: [90, 70, 110],
  marking: [250, 250, 250],
  sidewalk: [220, 60, 200],
  grass: [130, 220, 90],
  building: [90, 90, 90],
  window: [60, 220, 220],
  tree: [40, 130, 40],
  pole: [240, 200, 60],
  car: [20, 40, 200],
} as const satisfies Record<string, readonly [number, number, number]>;

export type Label = keyof typeof PALETTE;
