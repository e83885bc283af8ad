import { GraphSyntaxError, readFiltergraph, type GraphFilter } from './filtergraph.js';

/**
 * Filters that turn pictures into pictures and can do nothing else: none of their options, in any
 * version of ffmpeg, names a file, an address, a plugin, a command or a process, and none of them
 * makes frames without end. A list of what is meant does not grow with ffmpeg.
 */
const PURE = new Set([
  // Size and place.
  ...['scale', 'crop', 'pad', 'hflip', 'vflip', 'rotate', 'transpose', 'shear', 'perspective'],
  ...[
    'lenscorrection',
    'v360',
    'displace',
    'remap',
    'fillborders',
    'pixelize',
    'scroll',
    'swaprect',
  ],
  ...['super2xsai', 'hqx', 'xbr', 'epx', 'setsar', 'setdar'],
  // Formats and planes.
  ...['format', 'noformat', 'null', 'copy', 'colorspace', 'colormatrix', 'zscale', 'tonemap'],
  ...['setparams', 'setrange', 'setfield', 'fieldorder', 'extractplanes', 'mergeplanes', 'swapuv'],
  ...[
    'shuffleplanes',
    'shufflepixels',
    'alphaextract',
    'alphamerge',
    'premultiply',
    'unpremultiply',
  ],
  // Colour.
  ...['eq', 'hue', 'lut', 'lutrgb', 'lutyuv', 'lut2', 'tlut2', 'curves', 'negate', 'colorbalance'],
  ...['colorchannelmixer', 'colorcontrast', 'colorcorrect', 'colorhold', 'colorize', 'colorlevels'],
  ...['colortemperature', 'huesaturation', 'monochrome', 'vibrance', 'exposure', 'normalize'],
  ...[
    'histeq',
    'greyedge',
    'grayworld',
    'limiter',
    'limitdiff',
    'pseudocolor',
    'elbg',
    'chromakey',
  ],
  ...[
    'chromahold',
    'colorkey',
    'lumakey',
    'despill',
    'chromashift',
    'rgbashift',
    'vignette',
    'fade',
  ],
  // Edges, blur, sharpness, grain.
  ...[
    'edgedetect',
    'sobel',
    'prewitt',
    'roberts',
    'kirsch',
    'scharr',
    'gblur',
    'boxblur',
    'avgblur',
  ],
  ...[
    'smartblur',
    'sab',
    'dblur',
    'yaepblur',
    'varblur',
    'bilateral',
    'median',
    'guided',
    'unsharp',
  ],
  ...['cas', 'amplify', 'noise', 'convolution', 'convolve', 'deconvolve', 'xcorrelate', 'fftfilt'],
  ...['erosion', 'dilation', 'deflate', 'inflate', 'morpho', 'hysteresis', 'floodfill'],
  ...['bitplanenoise', 'geq', 'drawbox', 'drawgrid', 'delogo'],
  // Noise and the marks of compression taken away.
  ...['hqdn3d', 'nlmeans', 'atadenoise', 'bm3d', 'owdenoise', 'vaguedenoiser', 'dctdnoiz'],
  ...['fftdnoiz', 'chromanr', 'removegrain', 'dedot', 'deband', 'deblock', 'gradfun', 'pp', 'pp7'],
  ...['fspp', 'spp', 'deflicker', 'photosensitivity'],
  // Interlaced frames.
  ...['yadif', 'bwdif', 'w3fdif', 'estdif', 'kerndeint', 'phase', 'il'],
  // Several frames or pictures into one.
  ...['split', 'overlay', 'blend', 'tblend', 'mix', 'tmix', 'tmedian', 'xmedian', 'lagfun'],
  ...['hstack', 'vstack', 'xstack', 'maskedclamp', 'maskedmax', 'maskedmin', 'maskedmerge'],
  ...['maskedthreshold', 'maskfun', 'threshold', 'midequalizer', 'multiply', 'select'],
  // Movement, as far as it is drawn.
  ...['mestimate', 'codecview'],
]);

/** Options of pure filters that do name files. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  curves: ['psfile', 'plot'],
};

/** Names of the filters that any file may use. */
export const PURE_FILTERS: ReadonlySet<string> = PURE;

/** An option by its place could be any of them: of such filters only the first one is known. */
function refusedOption({ name, options }: GraphFilter): string | undefined {
  const refused = REFUSED[name] ?? [];
  for (const [place, { key, value }] of options.entries()) {
    if (key !== null && !/^\w+$/.test(key)) return `${key}=${value}`;
    if (key !== null && refused.includes(key)) return `${key}=${value}`;
    if (key === null && place > 0 && refused.length > 0) return value;
  }
  return undefined;
}

/**
 * Why a filtergraph may do more than turn pictures into pictures: read or write files, open
 * addresses, run other code. What cannot be understood may.
 * @returns undefined when it cannot
 */
export function impurityOf(graph: string): string | undefined {
  let filters: GraphFilter[];
  try {
    // As decoding puts it between its own filters: without a separator at the end.
    filters = readFiltergraph(graph.trim().replace(/[,;]\s*$/, ''));
  } catch (error) {
    if (error instanceof GraphSyntaxError) return error.message;
    throw error;
  }
  for (const filter of filters) {
    if (!PURE.has(filter.name)) return `the filter ${filter.name}`;
    const option = refusedOption(filter);
    if (option !== undefined) return `the option ${JSON.stringify(option)} of ${filter.name}`;
  }
  return undefined;
}
