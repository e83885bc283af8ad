import { FrameloomError } from '../../base/error.js';

/** An object of a store, or a folder of them: a key that ends with `/`, or none. */
export interface StoreAddress {
  readonly bucket: string;
  readonly key: string;
}

/** Whether a place is in a store, and no path. */
export const isStoreAddress = (place: string): boolean => /^s3:\/\//i.test(place);

/** @throws FrameloomError bad-option */
export function parseStoreAddress(text: string): StoreAddress {
  const [, bucket, key = ''] =
    /^s3:\/\/([a-z\d][a-z\d.-]{1,61}[a-z\d])(?:\/(.*))?$/i.exec(text) ?? [];
  if (bucket !== undefined && !key.split('/').includes('..')) return { bucket, key };
  throw new FrameloomError('bad-option', `${text} is no address of a store`, {
    path: text,
    hint: 'such as s3://bucket/folder/name.mp4',
  });
}
