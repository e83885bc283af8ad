export { commitFile, writeError, writeFileAtomic } from './outputs.js';
export { temporaryBeside } from './temporaries.js';
