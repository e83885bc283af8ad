import { FrameloomError } from '../base/error.js';

/** How label maps agree, pixel by pixel. */
export interface Confusion {
  /**
   * @param wanted ids of the classes; pixels of any other id are of no class and left out
   * @throws FrameloomError bad-shape
   */
  add(seen: Uint8Array, wanted: Uint8Array): void;
  /** Pixels both have of each class over those that either has; null of a class that neither has. */
  ious(): (number | null)[];
  /** Their mean over the classes that there are; null of none. */
  meanIou(): number | null;
  /** Share of the pixels whose class is right; null of none. */
  accuracy(): number | null;
}

/** Counts which class is seen where which is wanted. */
export function createConfusion(classes: number): Confusion {
  const both = new Float64Array(classes);
  const seenOf = new Float64Array(classes);
  const wantedOf = new Float64Array(classes);
  const ious = (): (number | null)[] =>
    Array.from(both, (own, i) => {
      const either = seenOf[i]! + wantedOf[i]! - own;
      return either === 0 ? null : own / either;
    });
  const sum = (values: Float64Array): number => values.reduce((total, one) => total + one, 0);
  return {
    add(seen, wanted) {
      if (seen.length !== wanted.length) {
        throw new FrameloomError(
          'bad-shape',
          `label maps of ${seen.length} and ${wanted.length} pixels cannot be compared`,
        );
      }
      for (let i = 0; i < wanted.length; i += 1) {
        const [own, other] = [seen[i]!, wanted[i]!];
        if (other >= classes) continue;
        wantedOf[other]! += 1;
        if (own < classes) seenOf[own]! += 1;
        if (own === other) both[own]! += 1;
      }
    },
    ious,
    meanIou() {
      const known = ious().filter((iou) => iou !== null);
      return known.length === 0
        ? null
        : known.reduce((total, iou) => total + iou, 0) / known.length;
    },
    accuracy() {
      const pixels = sum(wantedOf);
      return pixels === 0 ? null : sum(both) / pixels;
    },
  };
}
