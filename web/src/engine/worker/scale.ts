interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A picture at another size, each pixel the nearest of the old ones: of labels no other is right.
 * @param pixels row by row, `depth` bytes each
 */
export function scaled(pixels: Uint8Array, depth: number, from: Size, to: Size): Uint8Array {
  if (from.width === to.width && from.height === to.height) return pixels;
  const made = new Uint8Array(depth * to.width * to.height);
  for (let y = 0; y < to.height; y += 1) {
    const row = Math.floor(((y + 0.5) * from.height) / to.height) * from.width;
    for (let x = 0; x < to.width; x += 1) {
      const at = depth * (row + Math.floor(((x + 0.5) * from.width) / to.width));
      const into = depth * (y * to.width + x);
      for (let i = 0; i < depth; i += 1) made[into + i] = pixels[at + i]!;
    }
  }
  return made;
}

/** Pictures that lie one after the other, each as a view. @throws nothing: a rest that is no whole picture is left out */
export function pieces(bytes: Uint8Array, length: number): Uint8Array[] {
  const count = Math.floor(bytes.length / length);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
}
