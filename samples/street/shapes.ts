import type { Noise } from './noise.js';
import type { Material } from './materials.js';

/** Metres: x right, y up, z ahead along the street. */
export interface Ray {
  ox: number;
  oy: number;
  oz: number;
  dx: number;
  dy: number;
  dz: number;
}

export interface Hit {
  /** Along the ray, metres. */
  t: number;
  nx: number;
  ny: number;
  nz: number;
  shape: Shape | undefined;
}

export interface Bounds {
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
}

export interface Shape {
  readonly bounds: Bounds;
  readonly material: Material;
  /** Writes itself into `hit` if it is nearer than what is there. */
  intersect(ray: Ray, hit: Hit): boolean;
}

const NEAR = 1e-4;

function record(hit: Hit, shape: Shape, t: number, nx: number, ny: number, nz: number): true {
  hit.t = t;
  hit.nx = nx;
  hit.ny = ny;
  hit.nz = nz;
  hit.shape = shape;
  return true;
}

/** Whether the ray meets the box before `limit`. */
export function meetsBounds(ray: Ray, { min, max }: Bounds, limit: number): boolean {
  let near = NEAR;
  let far = limit;
  const origin = [ray.ox, ray.oy, ray.oz];
  const direction = [ray.dx, ray.dy, ray.dz];
  for (let axis = 0; axis < 3; axis += 1) {
    const inverse = 1 / direction[axis]!;
    const a = (min[axis]! - origin[axis]!) * inverse;
    const b = (max[axis]! - origin[axis]!) * inverse;
    near = Math.max(near, Math.min(a, b));
    far = Math.min(far, Math.max(a, b));
  }
  return near <= far;
}

/** A plane of a convex solid: the inside is where n·p ≤ offset. */
export type Face = readonly [nx: number, ny: number, nz: number, offset: number];

/** A solid bounded by planes: houses, car bodies. */
export function convex(faces: readonly Face[], bounds: Bounds, material: Material): Shape {
  const shape: Shape = {
    bounds,
    material,
    intersect(ray, hit) {
      let enter = NEAR;
      let leave = hit.t;
      let entered = -1;
      for (let i = 0; i < faces.length; i += 1) {
        const [nx, ny, nz, offset] = faces[i]!;
        const speed = nx * ray.dx + ny * ray.dy + nz * ray.dz;
        const gap = offset - (nx * ray.ox + ny * ray.oy + nz * ray.oz);
        if (speed < 0) {
          const t = gap / speed;
          if (t > enter) [enter, entered] = [t, i];
        } else if (speed > 0) {
          leave = Math.min(leave, gap / speed);
        } else if (gap < 0) {
          return false;
        }
        if (enter >= leave) return false;
      }
      if (entered < 0) return false;
      const [nx, ny, nz] = faces[entered]!;
      return record(hit, shape, enter, nx, ny, nz);
    },
  };
  return shape;
}

export function box({ min, max }: Bounds, material: Material): Shape {
  const faces: Face[] = [
    [1, 0, 0, max[0]],
    [-1, 0, 0, -min[0]],
    [0, 1, 0, max[1]],
    [0, -1, 0, -min[1]],
    [0, 0, 1, max[2]],
    [0, 0, -1, -min[2]],
  ];
  return convex(faces, { min, max }, material);
}

/** A solid whose outline (z, y) is drawn through points, counter-clockwise, and is `width` wide. */
export function extruded(
  outline: readonly (readonly [z: number, y: number])[],
  at: { x: number; z: number; width: number; taper?: number },
  material: Material,
): Shape {
  const { x, z, width, taper = 0 } = at;
  const faces: Face[] = outline.map(([z0, y0], i) => {
    const [z1, y1] = outline[(i + 1) % outline.length]!;
    const length = Math.hypot(z1 - z0, y1 - y0);
    const [nz, ny] = [(y1 - y0) / length, (z0 - z1) / length];
    return [0, ny, nz, ny * y0 + nz * (z0 + z)];
  });
  const lowest = Math.min(...outline.map(([, y]) => y));
  // Sides lean in by `taper` metres a metre of height.
  const lean = Math.hypot(1, taper);
  for (const side of [-1, 1]) {
    const offset = side * x + width / 2 + taper * lowest;
    faces.push([side / lean, taper / lean, 0, offset / lean]);
  }
  const zs = outline.map(([along]) => along + z);
  const ys = outline.map(([, up]) => up);
  const bounds: Bounds = {
    min: [x - width / 2, Math.min(...ys), Math.min(...zs)],
    max: [x + width / 2, Math.max(...ys), Math.max(...zs)],
  };
  return convex(faces, bounds, material);
}

/** A round post from the ground up, or with `axis: 'x'` a wheel. */
export function cylinder(
  centre: readonly [number, number, number],
  size: { radius: number; length: number; axis: 'x' | 'y' },
  material: Material,
): Shape {
  const { radius, length, axis } = size;
  const [cx, cy, cz] = centre;
  const half: [number, number, number] = [radius, radius, radius];
  half[axis === 'x' ? 0 : 1] = length / 2;
  const shape: Shape = {
    bounds: {
      min: [cx - half[0], cy - half[1], cz - half[2]],
      max: [cx + half[0], cy + half[1], cz + half[2]],
    },
    material,
    intersect(ray, hit) {
      // Along the axis: a; across: p and z.
      const upright = axis === 'y';
      const [oa, da] = upright ? [ray.oy - cy, ray.dy] : [ray.ox - cx, ray.dx];
      const [op, dp] = upright ? [ray.ox - cx, ray.dx] : [ray.oy - cy, ray.dy];
      const [oz, dz] = [ray.oz - cz, ray.dz];
      const square = dp * dp + dz * dz;
      const along = op * dp + oz * dz;
      const root = along * along - square * (op * op + oz * oz - radius * radius);
      if (root < 0) return false;
      const side = (-along - Math.sqrt(root)) / square;
      if (side > NEAR && side < hit.t && Math.abs(oa + side * da) <= length / 2) {
        const [np, nz] = [(op + side * dp) / radius, (oz + side * dz) / radius];
        return record(hit, shape, side, upright ? np : 0, upright ? 0 : np, nz);
      }
      const cap = (-Math.sign(da) * (length / 2) - oa) / da;
      const inside = (op + cap * dp) ** 2 + (oz + cap * dz) ** 2 <= radius * radius;
      if (!(cap > NEAR && cap < hit.t && inside)) return false;
      const n = -Math.sign(da);
      return record(hit, shape, cap, upright ? 0 : n, upright ? n : 0, 0);
    },
  };
  return shape;
}

/** A ball of leaves: ragged at its rim, uneven on its surface. */
export function foliage(
  centre: readonly [number, number, number],
  radius: number,
  noise: Noise,
  material: Material,
): Shape {
  const [cx, cy, cz] = centre;
  const shape: Shape = {
    bounds: {
      min: [cx - radius, cy - radius, cz - radius],
      max: [cx + radius, cy + radius, cz + radius],
    },
    material,
    intersect(ray, hit) {
      const [ox, oy, oz] = [ray.ox - cx, ray.oy - cy, ray.oz - cz];
      const along = ox * ray.dx + oy * ray.dy + oz * ray.dz;
      const root = along * along - (ox * ox + oy * oy + oz * oz - radius * radius);
      if (root < 0) return false;
      const depth = Math.sqrt(root);
      const t = -along - depth;
      if (t <= NEAR || t >= hit.t) return false;
      const [x, y, z] = [ox + t * ray.dx, oy + t * ray.dy, oz + t * ray.dz];
      // Leaves stand apart where the ball is thin.
      const leaf = noise.layers((x + cx) * 2.6, (y + cy) * 2.6, (z + cz) * 2.6, 2);
      if (depth / radius < 0.85 * leaf - 0.08) return false;
      const bump = 1.1 * (leaf - 0.5);
      const [nx, ny, nz] = [x / radius + bump, y / radius + bump, z / radius - bump];
      const length = Math.hypot(nx, ny, nz);
      return record(hit, shape, t, nx / length, ny / length, nz / length);
    },
  };
  return shape;
}
