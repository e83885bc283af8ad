import type { Colour } from '../../src/clips/types.js';

/** Rows of letters, each a colour of INK; a point is nothing. */
export type Sprite = readonly string[];

export const INK: Readonly<Record<string, Colour>> = {
  d: [58, 34, 48],
  o: [238, 122, 44],
  p: [196, 84, 30],
  w: [255, 244, 226],
  s: [222, 40, 76],
  g: [78, 176, 62],
  G: [42, 122, 52],
  l: [156, 220, 92],
  b: [124, 78, 48],
  B: [88, 54, 40],
  r: [214, 52, 48],
  R: [160, 32, 44],
  y: [252, 214, 84],
  v: [138, 84, 214],
  V: [84, 44, 150],
  u: [196, 160, 246],
  m: [244, 84, 168],
  M: [190, 40, 120],
  Y: [255, 252, 210],
};

/** The fox from the side, looking to the right; its paws are drawn apart. */
export const SIDE: Sprite = [
  '......d...d..',
  '.....dod.dod.',
  '.....dooooood',
  '.....doowdowd',
  '.....doowdowd',
  'dd....dowwwdd',
  'dodd..ssssss.',
  'dwood.doooood',
  '.dwoddooowwod',
  '..dooooooowwd',
  '...ddoooooood',
];

/** From the front. */
export const FRONT: Sprite = [
  '..d.......d..',
  '.dod.....dod.',
  '.doooooooood.',
  '.doodwowdood.',
  '.doodwowdood.',
  '..dowwdwwod..',
  '..dsssssssd..',
  '.dooowwwoood.',
  '.doowwwwwood.',
  '.doowwwwwood.',
  '..doowwwood..',
];

/** From the front with both paws up: left and right at once. */
export const WAVING: Sprite = [
  'd.d.......d.d',
  'ododo...odood',
  'dodooooooodod',
  '.doodwowdood.',
  '.doowdodwood.',
  '..dowwdwwod..',
  '..dsssssssd..',
  '..doowwwood..',
  '..dowwwwwod..',
  '..dowwwwwod..',
  '..doowwwood..',
];

/** Around it then: stars. */
export const STARS: Sprite = [
  '.........y.........',
  '..y.....yYy.....y..',
  '.yYy.....y.....yYy.',
  '..y.............y..',
  '...................',
  '...................',
  '...................',
  '...................',
  '.y...............y.',
  'yYy.............yYy',
  '.y...............y.',
];

/** Under its blanket. */
export const HIDDEN: Sprite = [
  '....VVVVV....',
  '..VVvvvvvVV..',
  '.VvvuvvvuvvV.',
  'VvvvvvvvvvvvV',
  'VvuvddvddvuvV',
  'VvvvdwvwdvvvV',
  'VvvvvvvvvvvvV',
  'VuVuVuVuVuVuV',
];

/** Two pairs of paws, of four steps. */
export const PAWS: readonly Sprite[] = [
  ['..dod..dod...', '..ddd..ddd...'],
  ['.dod....dod..', '.dd......dd..'],
  ['...dod.dod...', '...dd..ddd...'],
  ['...doddod....', '....dddd.....'],
];
/** Standing, from the front. */
export const FEET: Sprite = ['..dod...dod..', '..ddd...ddd..'];
/** In the air. */
export const DANGLING: Sprite = ['...do...od...', '....d...d....'];

/** What it glides by. */
export const PARASOL: Sprite = [
  '.......m.......',
  '....MMmmmMM....',
  '..MmmwwmwwmmM..',
  '.MmmwwmmmwwmmM.',
  'MmmwwmmmmmwwmmM',
  'M..M...M...M..M',
  '.......b.......',
  '.......b.......',
];

export const TREE: Sprite = [
  '......GGGGGG......',
  '....GGggllggGG....',
  '...GggllllgggGG...',
  '..GggllggrggggGG..',
  '.GggglggggggrgGGG.',
  '.GgrggggggggggGGG.',
  'GggggggGggglgggGGG',
  'GgglgggggggggrgGGG',
  'GggggrggglggggGGGG',
  '.GGggggggggggGGGG.',
  '..GGGgggGgggGGGG..',
  '....GGGGGGGGGG....',
  '.......bbBB.......',
  '.......bbBB.......',
  '.......bbBB.......',
  '.......bBbB.......',
  '.......bbBB.......',
  '......bbbBBB......',
];

export const MUSHROOM: Sprite = [
  '....RRRRR....',
  '..RRrrrrwRR..',
  '.RrwwrrrwwrR.',
  'RrrwwrwrrrrrR',
  'RRrrrrrrrwwRR',
  '..RRwwwwwRR..',
  '....wwwbb....',
  '....wwwbb....',
  '....wwwbb....',
];

export const FLOWERS: Sprite = [
  '.y......v..',
  'ywy....vyv.',
  '.y..v...v..',
  '.G.vyv..G..',
  '.Gg.v..gG..',
];
