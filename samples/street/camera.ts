import type { Ray } from './shapes.js';

/** Where the camera is and how it looks at a time; it drives ahead and sways a little. */
export interface View {
  readonly position: readonly [number, number, number];
  readonly right: readonly [number, number, number];
  readonly up: readonly [number, number, number];
  readonly ahead: readonly [number, number, number];
}

/** Metres a second. */
export const SPEED = 8;
/** Half the picture's width at distance 1. */
const HALF_WIDTH = 0.78;

export function viewAt(seconds: number): View {
  const turn = (rate: number, phase: number): number =>
    Math.sin(2 * Math.PI * rate * seconds + phase);
  const yaw = -0.02 + 0.045 * turn(0.16, 0.4) + 0.006 * turn(0.9, 1);
  const pitch = 0.035 + 0.006 * turn(1.1, 2);
  const roll = 0.012 * turn(0.21, 1.3) + 0.002 * turn(1.3, 0);
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const ahead = [sy * cp, sp, cy * cp] as const;
  const flatRight = [cy, 0, -sy] as const;
  const flatUp = [-sy * sp, cp, -cy * sp] as const;
  const [sr, cr] = [Math.sin(roll), Math.cos(roll)];
  const axis = (i: 0 | 1 | 2): [number, number] => [
    cr * flatRight[i] + sr * flatUp[i],
    cr * flatUp[i] - sr * flatRight[i],
  ];
  const [x, y, z] = [axis(0), axis(1), axis(2)];
  return {
    position: [1.5 + 0.55 * turn(0.13, 0), 2.05 + 0.03 * turn(1.7, 0), SPEED * seconds],
    right: [x[0], y[0], z[0]],
    up: [x[1], y[1], z[1]],
    ahead,
  };
}

/** Points `ray` through (column, row), in pixels from the picture's corner. */
export function aim(
  ray: Ray,
  view: View,
  column: number,
  row: number,
  size: { readonly width: number; readonly height: number },
): void {
  const across = ((2 * column) / size.width - 1) * HALF_WIDTH;
  const above = (1 - (2 * row) / size.height) * HALF_WIDTH * (size.height / size.width);
  const { position, right, up, ahead } = view;
  // Written out: a closure or an array for each ray would take longer than all of this.
  const x = ahead[0] + across * right[0] + above * up[0];
  const y = ahead[1] + across * right[1] + above * up[1];
  const z = ahead[2] + across * right[2] + above * up[2];
  const length = Math.sqrt(x * x + y * y + z * z);
  ray.ox = position[0];
  ray.oy = position[1];
  ray.oz = position[2];
  ray.dx = x / length;
  ray.dy = y / length;
  ray.dz = z / length;
  ray.ix = length / x;
  ray.iy = length / y;
  ray.iz = length / z;
}

/** The picture's columns and rows, in pixels, that a box may cover; null when it is behind. */
export function coverOf(
  view: View,
  { min, max }: { min: readonly number[]; max: readonly number[] },
  size: { width: number; height: number },
): { left: number; right: number; top: number; bottom: number } | null {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  let [behind, before] = [false, false];
  for (let corner = 0; corner < 8; corner += 1) {
    const p = [0, 1, 2].map((i) => ((corner >> i) & 1 ? max[i]! : min[i]!) - view.position[i]!);
    const dot = (axis: readonly number[]): number =>
      p[0]! * axis[0]! + p[1]! * axis[1]! + p[2]! * axis[2]!;
    const depth = dot(view.ahead);
    if (depth < 0.05) {
      behind = true;
      continue;
    }
    before = true;
    const column = ((dot(view.right) / depth / HALF_WIDTH + 1) * size.width) / 2;
    const row =
      ((1 - (dot(view.up) / depth / HALF_WIDTH) * (size.width / size.height)) * size.height) / 2;
    left = Math.min(left, column);
    right = Math.max(right, column);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
  }
  if (!before) return null;
  // Partly beside us: it may cover anything.
  if (behind) return { left: 0, right: size.width, top: 0, bottom: size.height };
  return { left, right, top, bottom };
}
