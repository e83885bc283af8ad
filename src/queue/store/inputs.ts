import { FrameloomError } from '../../base/error.js';
import { parseStoreAddress } from './address.js';
import { Store } from './store.js';

/** What a folder of a store is searched for. */
const VIDEO = /\.(mp4|m4v|mov|mkv|webm|avi|ts|gif|y4m|nut|mpg|mpeg)$/i;

/** `*` and `?` as on a disk: none of them goes on into another folder, and `**` does. */
function asExpression(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const body = escaped
    .replaceAll('**/', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('\0', '(?:.*/)?');
  return new RegExp(`^${body}$`);
}

/**
 * The inputs that an address means: an object, the videos right in a folder (`s3://bucket/clips/`), or what fits `*`.
 * @throws FrameloomError not-found where it means none
 */
export async function expandStoreInput(address: string): Promise<string[]> {
  const { bucket, key } = parseStoreAddress(address);
  const isFolder = key === '' || key.endsWith('/');
  if (!isFolder && !/[*?]/.test(key)) return [address];
  const prefix = isFolder ? key : key.slice(0, key.search(/[*?]/));
  const store = await Store.open();
  const fits = isFolder ? asExpression(`${key}*`) : asExpression(key);
  const found = (await store.list(`s3://${bucket}/${prefix}`)).filter((each) => {
    const name = parseStoreAddress(each).key;
    return fits.test(name) && (!isFolder || VIDEO.test(name)) && !name.endsWith('/');
  });
  if (found.length > 0) return found.sort();
  throw new FrameloomError('not-found', `nothing matches ${address}`, { path: address });
}
