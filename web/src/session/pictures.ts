import { readPicture, rgbaToRgb, sheetRgba } from '../draw/picture.js';
import type { Raster } from '../draw/raster.js';
import type { ConditionLayout } from '../../../src/clips/types.js';

/** A picture of any kind that a canvas can draw. */
export type Picture = ImageBitmap | HTMLVideoElement | HTMLCanvasElement;

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function sizeOf(picture: Picture): { width: number; height: number } {
  if (picture instanceof HTMLVideoElement) {
    return { width: picture.videoWidth, height: picture.videoHeight };
  }
  return { width: picture.width, height: picture.height };
}

/** RGBA of a picture, or of an area of it, at a size. @param blends whether pixels may be mixed */
function pixelsOf(
  picture: Picture,
  { x, y, width: w, height: h }: Area,
  width: number,
  height: number,
  blends: boolean,
): Uint8ClampedArray {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.imageSmoothingEnabled = blends;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, x, y, w, h, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/** The largest area in the middle of another that has a shape. */
export function middleOf(
  area: Area,
  shape: { readonly width: number; readonly height: number },
): Area {
  const scale = Math.min(area.width / shape.width, area.height / shape.height);
  const [width, height] = [shape.width * scale, shape.height * scale];
  return {
    x: area.x + (area.width - width) / 2,
    y: area.y + (area.height - height) / 2,
    width,
    height,
  };
}

/** rgb24 of the middle of a picture in the model's shape, at its size. */
export function rgbAtSize(
  picture: Picture,
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  return rgbOfArea(picture, null, width, height);
}

/** rgb24 of the middle of a picture, or of an area of it, in a shape and at a size. */
export function rgbOfArea(
  picture: Picture,
  area: Area | null,
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const from = middleOf(area ?? { x: 0, y: 0, ...sizeOf(picture) }, { width, height });
  return rgbaToRgb(pixelsOf(picture, from, width, height, true));
}

/** Pixels of a side of what is sent to be filtered: the filter makes it smaller anyway. */
const MOST_SIDE = 960;

/** rgb24 of a picture, or of an area of it, in its own shape. */
export function rgbOf(
  picture: Picture,
  area: Area | null,
): { width: number; height: number; rgb: Uint8Array<ArrayBuffer> } {
  const from = area ?? { x: 0, y: 0, ...sizeOf(picture) };
  const scale = Math.min(1, MOST_SIDE / Math.max(from.width, from.height));
  const width = Math.max(4, Math.round(from.width * scale));
  const height = Math.max(4, Math.round(from.height * scale));
  return { width, height, rgb: rgbaToRgb(pixelsOf(picture, from, width, height, true)) };
}

/** RGBA of a picture at its own size. */
export function rgbaOf(picture: Picture): Uint8ClampedArray {
  const { width, height } = sizeOf(picture);
  return pixelsOf(picture, { x: 0, y: 0, width, height }, width, height, false);
}

/** RGBA as a sheet of the drawing; how many of its pixels were of no known colour, 0–1. */
export function rasterOf(
  rgba: Uint8ClampedArray,
  { width, height }: { readonly width: number; readonly height: number },
  layout: ConditionLayout,
): { raster: Raster; inexact: number } {
  const { bytes, there, inexact } = readPicture(rgba, layout);
  return {
    raster: { width, height, depth: layout.bytesPerPixel, bytes, there },
    inexact: inexact / Math.max(1, width * height),
  };
}

/** A sheet as a PNG: what is not drawn is transparent. */
export async function pngOf(raster: Raster, layout: ConditionLayout): Promise<Blob> {
  const { width, height } = raster;
  const canvas = new OffscreenCanvas(width, height);
  const image = new ImageData(sheetRgba(raster, layout), width, height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

/** Offers a file to be kept. */
export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
