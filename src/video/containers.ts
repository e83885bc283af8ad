/**
 * The containers that Frameloom opens, by ffmpeg's names. ffmpeg knows some 350, and among them are
 * playlists, lists of files, scripts, devices and text: files that name other files, and make
 * whoever plays them open those. A list of what is meant does not grow with ffmpeg.
 *
 * All of these keep everything inside one file. Names that a build of ffmpeg does not know are
 * passed over by it.
 */

/** Files and streams with video. */
const VIDEO = [
  // What cameras, phones, editors and the web write. `mov` is MP4, M4V, M4A, 3GP and F4V too,
  // `matroska` is WebM, `mpegts` is M2TS, `mpeg` the program streams of DVDs, `asf` WMV and WMA.
  ...['mov', 'matroska', 'avi', 'mpegts', 'mpeg', 'ogg', 'asf', 'asf_o', 'flv', 'live_flv', 'kux'],
  ...['gif', 'apng', 'nut', 'yuv4mpegpipe', 'rawvideo', 'mxf', 'gxf', 'lxf', 'dv', 'wtv', 'ty'],
  ...['rm', 'ivr', 'nsv', 'nuv', 'pva', 'dhav', 'ser', 'cine', 'r3d', 'xmv'],
  // Streams of one codec without a container.
  ...['mpegvideo', 'm4v', 'h261', 'h263', 'h264', 'hevc', 'vvc', 'evc', 'vc1', 'vc1test', 'av1'],
  ...[
    'obu',
    'ivf',
    'mjpeg',
    'dirac',
    'dnxhd',
    'cavsvideo',
    'avs2',
    'avs3',
    'ingenient',
    'mjpeg_2000',
  ],
  // Films of games.
  ...['bink', 'smk', 'flic', 'roq', 'film_cpk', 'psxstr', 'thp', 'idcin', 'ipmovie', '4xm', 'vmd'],
] as const;

/** Pictures, told by their contents. (`image2`, told by names, opens more files than the one.) */
const PICTURES = [
  ...[
    'image2pipe',
    'png_pipe',
    'jpeg_pipe',
    'jpegls_pipe',
    'jpegxl_pipe',
    'jpegxl_anim',
    'bmp_pipe',
  ],
  ...['webp_pipe', 'gif_pipe', 'ppm_pipe', 'pgm_pipe', 'pbm_pipe', 'pam_pipe', 'pgmyuv_pipe'],
  ...[
    'pfm_pipe',
    'phm_pipe',
    'hdr_pipe',
    'tiff_pipe',
    'exr_pipe',
    'dpx_pipe',
    'j2k_pipe',
    'dds_pipe',
  ],
  ...['pcx_pipe', 'psd_pipe', 'qoi_pipe', 'sgi_pipe', 'sunrast_pipe', 'ico'],
] as const;

/** Sound, for whatever takes the sound of another file. */
const SOUND = [
  ...['mp3', 'wav', 'flac', 'aac', 'aiff', 'caf', 'w64', 'ac3', 'eac3', 'ac4', 'dts', 'dtshd'],
  ...['truehd', 'mlp', 'loas', 'au', 'amr', 'amrnb', 'amrwb', 'tta', 'wv', 'ape', 'tak', 'shn'],
  ...['mpc', 'mpc8', 'oma', 'voc', 'dsf', 'iff', 'xwma', 'gsm', 'qcp', 'spdif'],
] as const;

/** Every container that may be opened. */
export const CONTAINERS: readonly string[] = [...VIDEO, ...PICTURES, ...SOUND];

/** What ffmpeg may open at all: no network address, whatever a file says. */
const PROTOCOLS = 'file,pipe';

/**
 * Options of ffmpeg and ffprobe that belong before every input that is not made by ffmpeg itself.
 * A container that is not among them is refused before anything is read from it.
 */
export const INPUT_LIMITS: readonly string[] = [
  ...['-protocol_whitelist', PROTOCOLS],
  ...['-format_whitelist', CONTAINERS.join(',')],
];

/** What ffmpeg says of a container that is not among them; its first group is the container's name. */
export const NOT_A_CONTAINER = /^(?:(\w+)[^:]*: )?Format not on whitelist/;

const CODEC_ALONE =
  /^(mpegvideo|m4v|h26[134]|hevc|vvc|evc|vc1|av1|obu|mjpeg|dirac|cavsvideo|avs[23]|dnxhd)$/;

/**
 * Streams of a codec alone, whose packets carry no times: what ffmpeg gives for some is a guess, and now
 * and then a frame off.
 */
export const hasNoTimes = (container: string): boolean => CODEC_ALONE.test(container);

/** Whether a container's index knows where each of its frames lies. */
export const knowsEachFrame = (container: string): boolean =>
  /(^|,)(mov|matroska)(,|$)/.test(container);

/** Containers whose clock may begin anew in the middle, so that a time in it stands for no place. */
export const RESTARTING = /^(mpegts|mpeg)$/;
