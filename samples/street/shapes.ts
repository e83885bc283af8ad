import type { Noise } from './noise.js';
import type { Material } from './surface.js';

/** Metres: x right, y up, z ahead along the street. */
export interface Ray {
  ox: number;
  oy: number;
  oz: number;
  dx: number;
  dy: number;
  dz: number;
  /** One by each of the direction's parts. */
  ix: number;
  iy: number;
  iz: number;
}

export interface Hit {
  /** Along the ray, metres. */
  t: number;
  nx: number;
  ny: number;
  nz: number;
  material: Material | undefined;
}

export interface Bounds {
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
}

export interface Shape {
  readonly bounds: Bounds;
  /** Writes itself into `hit` if it is nearer than what is there. */
  intersect(ray: Ray, hit: Hit): void;
}

const NEAR = 1e-4;

/** Whether the ray meets the box before `limit`. No arrays: this runs for every shape of every ray. */
export function meetsBounds(ray: Ray, { min, max }: Bounds, limit: number): boolean {
  let near = NEAR;
  let far = limit;
  const ax = (min[0] - ray.ox) * ray.ix;
  const bx = (max[0] - ray.ox) * ray.ix;
  near = Math.max(near, Math.min(ax, bx));
  far = Math.min(far, Math.max(ax, bx));
  if (near > far) return false;
  const ay = (min[1] - ray.oy) * ray.iy;
  const by = (max[1] - ray.oy) * ray.iy;
  near = Math.max(near, Math.min(ay, by));
  far = Math.min(far, Math.max(ay, by));
  if (near > far) return false;
  const az = (min[2] - ray.oz) * ray.iz;
  const bz = (max[2] - ray.oz) * ray.iz;
  near = Math.max(near, Math.min(az, bz));
  far = Math.min(far, Math.max(az, bz));
  return near <= far;
}

/** Shapes that belong together: a ray that misses all of them asks none. */
export function group(shapes: readonly Shape[]): Shape {
  const end = (side: 'min' | 'max', axis: 0 | 1 | 2): number =>
    Math[side](...shapes.map(({ bounds }) => bounds[side][axis]));
  return {
    bounds: {
      min: [end('min', 0), end('min', 1), end('min', 2)],
      max: [end('max', 0), end('max', 1), end('max', 2)],
    },
    intersect(ray, hit) {
      for (const shape of shapes) {
        if (meetsBounds(ray, shape.bounds, hit.t)) shape.intersect(ray, hit);
      }
    },
  };
}

/** A plane of a convex solid: the inside is where n·p ≤ offset. */
export type Face = readonly [nx: number, ny: number, nz: number, offset: number];

/** A solid bounded by planes: houses, car bodies. */
export function convex(faces: readonly Face[], bounds: Bounds, material: Material): Shape {
  const planes = Float64Array.from(faces.flat());
  return {
    bounds,
    intersect(ray, hit) {
      let enter = NEAR;
      let leave = hit.t;
      let entered = -1;
      for (let i = 0; i < planes.length; i += 4) {
        const nx = planes[i]!;
        const ny = planes[i + 1]!;
        const nz = planes[i + 2]!;
        const speed = nx * ray.dx + ny * ray.dy + nz * ray.dz;
        const gap = planes[i + 3]! - (nx * ray.ox + ny * ray.oy + nz * ray.oz);
        if (speed < 0) {
          const t = gap / speed;
          if (t > enter) {
            enter = t;
            entered = i;
          }
        } else if (speed > 0) {
          leave = Math.min(leave, gap / speed);
        } else if (gap < 0) {
          return;
        }
        if (enter >= leave) return;
      }
      if (entered < 0) return;
      hit.t = enter;
      hit.nx = planes[entered]!;
      hit.ny = planes[entered + 1]!;
      hit.nz = planes[entered + 2]!;
      hit.material = material;
    },
  };
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

type Outline = readonly (readonly [across: number, y: number])[];

/** Planes of an outline's edges, whichever way round it is drawn: (normal across, normal up, offset). */
function edges(outline: Outline): [number, number, number][] {
  const count = outline.length;
  const area = outline.reduce((sum, [a, y], i) => {
    const [b, v] = outline[(i + 1) % count]!;
    return sum + a * v - b * y;
  }, 0);
  return outline.map(([a, y], i) => {
    const [b, v] = outline[(i + 1) % count]!;
    const length = Math.hypot(b - a, v - y) * Math.sign(area);
    const [across, up] = [(v - y) / length, (a - b) / length];
    return [across, up, across * a + up * y];
  });
}

const extent = (outline: Outline, axis: 0 | 1): [number, number] => {
  const values = outline.map((point) => point[axis]);
  return [Math.min(...values), Math.max(...values)];
};

/** A convex outline (x, y) drawn along the street from `from` to `to`: roofs, awnings. */
export function prism(
  outline: Outline,
  [from, to]: readonly [number, number],
  material: Material,
): Shape {
  const faces = edges(outline).map(([x, y, offset]): Face => [x, y, 0, offset]);
  faces.push([0, 0, 1, to], [0, 0, -1, -from]);
  const [[left, right], [low, high]] = [extent(outline, 0), extent(outline, 1)];
  return convex(faces, { min: [left, low, from], max: [right, high, to] }, material);
}

/** A convex outline (z, y) drawn across the street, `width` wide; sides lean in by `taper` a metre of height. */
export function extruded(
  outline: Outline,
  at: { x: number; z: number; width: number; taper?: number },
  material: Material,
): Shape {
  const { x, z, width, taper = 0 } = at;
  const faces = edges(outline).map(([along, up, offset]): Face => [
    0,
    up,
    along,
    offset + along * z,
  ]);
  const [[back, front], [low, high]] = [extent(outline, 0), extent(outline, 1)];
  const lean = Math.hypot(1, taper);
  for (const side of [-1, 1]) {
    const offset = side * x + width / 2 + taper * low;
    faces.push([side / lean, taper / lean, 0, offset / lean]);
  }
  const bounds: Bounds = {
    min: [x - width / 2, low, back + z],
    max: [x + width / 2, high, front + z],
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
  const upright = axis === 'y';
  return {
    bounds: {
      min: [cx - half[0], cy - half[1], cz - half[2]],
      max: [cx + half[0], cy + half[1], cz + half[2]],
    },
    intersect(ray, hit) {
      // Along the axis: a; across: p and z.
      const oa = upright ? ray.oy - cy : ray.ox - cx;
      const da = upright ? ray.dy : ray.dx;
      const op = upright ? ray.ox - cx : ray.oy - cy;
      const dp = upright ? ray.dx : ray.dy;
      const oz = ray.oz - cz;
      const dz = ray.dz;
      const square = dp * dp + dz * dz;
      const along = op * dp + oz * dz;
      const root = along * along - square * (op * op + oz * oz - radius * radius);
      if (root < 0) return;
      const side = (-along - Math.sqrt(root)) / square;
      if (side > NEAR && side < hit.t && Math.abs(oa + side * da) <= length / 2) {
        const np = (op + side * dp) / radius;
        hit.t = side;
        hit.nx = upright ? np : 0;
        hit.ny = upright ? 0 : np;
        hit.nz = (oz + side * dz) / radius;
        hit.material = material;
        return;
      }
      const cap = (-Math.sign(da) * (length / 2) - oa) / da;
      const inside = (op + cap * dp) ** 2 + (oz + cap * dz) ** 2 <= radius * radius;
      if (!(cap > NEAR && cap < hit.t && inside)) return;
      const n = -Math.sign(da);
      hit.t = cap;
      hit.nx = upright ? 0 : n;
      hit.ny = upright ? n : 0;
      hit.nz = 0;
      hit.material = material;
    },
  };
}

/** A ball of leaves: ragged at its rim, uneven on its surface. */
export function foliage(
  centre: readonly [number, number, number],
  radius: number,
  noise: Noise,
  material: Material,
): Shape {
  const [cx, cy, cz] = centre;
  return {
    bounds: {
      min: [cx - radius, cy - radius, cz - radius],
      max: [cx + radius, cy + radius, cz + radius],
    },
    intersect(ray, hit) {
      const ox = ray.ox - cx;
      const oy = ray.oy - cy;
      const oz = ray.oz - cz;
      const along = ox * ray.dx + oy * ray.dy + oz * ray.dz;
      const root = along * along - (ox * ox + oy * oy + oz * oz - radius * radius);
      if (root < 0) return;
      const depth = Math.sqrt(root);
      const t = -along - depth;
      if (t <= NEAR || t >= hit.t) return;
      const x = ox + t * ray.dx;
      const y = oy + t * ray.dy;
      const z = oz + t * ray.dz;
      const leaf = noise.layers((x + cx) * 2.3, (y + cy) * 2.3, (z + cz) * 2.3, 2);
      // Leaves stand apart where the ball is thin.
      if (depth / radius < 0.75 * leaf - 0.08) return;
      const bump = 0.9 * (leaf - 0.5);
      const nx = x / radius + bump;
      const ny = y / radius + bump;
      const nz = z / radius - bump;
      const length = Math.hypot(nx, ny, nz);
      hit.t = t;
      hit.nx = nx / length;
      hit.ny = ny / length;
      hit.nz = nz / length;
      hit.material = material;
    },
  };
}
