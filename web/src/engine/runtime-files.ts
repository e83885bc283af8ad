/** ONNX Runtime's own files, by their addresses from the page's: web/vite.config.ts puts them there. */
declare const __RUNTIME_FILES__: { readonly script: string; readonly program: string };

export const RUNTIME_FILES = __RUNTIME_FILES__;
