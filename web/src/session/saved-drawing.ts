import type { ConditionLayout } from '../../../src/clips/types.js';
import type { Drawing } from '../draw/drawing.js';
import { flattened, layersIn, withLayers } from '../draw/layered-png.js';
import { sheetRgba } from '../draw/picture.js';
import type { Raster } from '../draw/raster.js';
import { scaled } from '../draw/scale.js';
import { pngOf, rasterOf, rgbaOf } from './pictures.js';

/** A drawing as one file: a picture of what is seen of its layers, with each of them in it. */
export async function fileOf(drawing: Drawing, layout: ConditionLayout): Promise<Blob> {
  const { width, height, layers, active } = drawing;
  const png = await pngOf(drawing.paint(), layout);
  const made = await withLayers(new Uint8Array(await png.arrayBuffer()), {
    ...{ width, height, active: layers.indexOf(active) },
    layers: layers.map(({ name, visible, raster }) => ({
      ...{ name, visible, rgba: sheetRgba(raster, layout) },
    })),
  });
  return new Blob([made], { type: 'image/png' });
}

/** Layers of a file as sheets of a drawing. */
export interface OpenedLayers {
  readonly sheets: readonly { name: string; visible: boolean; content: Raster }[];
  readonly active: number;
  /** The most of a layer's pixels that are of no known colour, 0–1. */
  readonly inexact: number;
}

/**
 * What a file holds of layers, at the drawing's size.
 * @returns null of a file that holds none; `changed` where another program has changed the picture since
 * @throws FrameloomError bad-input where they cannot be read
 */
export async function layersOf(
  file: Blob,
  layout: ConditionLayout,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<OpenedLayers | 'changed' | null> {
  const saved = await layersIn(new Uint8Array(await file.arrayBuffer()));
  if (!saved) return null;
  const picture = await createImageBitmap(file, { colorSpaceConversion: 'none' }).catch(() => null);
  // No picture that the browser can read: whoever opens it as one will say so.
  if (!picture) return null;
  const seen = rgbaOf(picture);
  picture.close();
  const told = flattened(saved);
  if (seen.length !== told.length || seen.some((level, at) => level !== told[at])) return 'changed';
  const read = saved.layers.map(({ name, visible, rgba }) => ({
    ...{ name, visible },
    ...rasterOf(rgba, saved, layout),
  }));
  return {
    sheets: read.map(({ name, visible, raster }) => ({
      ...{ name, visible, content: scaled(raster, width, height) },
    })),
    active: saved.active,
    inexact: Math.max(...read.map(({ inexact }) => inexact)),
  };
}
