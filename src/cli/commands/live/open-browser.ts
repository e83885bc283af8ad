import { spawn } from 'node:child_process';

/** The program that opens an address in the user's browser. */
export function browserCommand(
  url: string,
  platform: NodeJS.Platform = process.platform,
): { readonly program: string; readonly words: readonly string[] } {
  if (platform === 'darwin') return { program: 'open', words: [url] };
  // `start` is a word of cmd, which takes a first quoted word for a title and & for the end of a command.
  if (platform === 'win32') {
    return { program: 'rundll32', words: ['url.dll,FileProtocolHandler', url] };
  }
  return { program: 'xdg-open', words: [url] };
}

/** Whether there is a screen that a browser could be opened on. */
export const hasScreen = (
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): boolean =>
  platform === 'darwin' ||
  platform === 'win32' ||
  [env.DISPLAY, env.WAYLAND_DISPLAY].some((one) => one !== undefined && one !== '');

/**
 * Opens an address in the user's browser, which outlives this process.
 * @returns why that could not be done, in words; null where it was begun
 */
export async function openBrowser(url: string): Promise<string | null> {
  if (!hasScreen()) return 'there is no screen';
  const { program, words } = browserCommand(url);
  return new Promise((resolve) => {
    const child = spawn(program, [...words], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(`there is no ${program}`));
    child.once('spawn', () => {
      child.unref();
      resolve(null);
    });
  });
}
