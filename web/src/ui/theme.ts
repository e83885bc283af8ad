import { button, relabel } from './dom.js';
import type { IconName } from './icons.js';
import { remembered, type Theme } from './remembered.js';

const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' };
const SHOWN: Readonly<Record<Theme, readonly [IconName, string]>> = {
  auto: ['auto', 'Colours: as the system has them'],
  light: ['sun', 'Colours: light'],
  dark: ['moon', 'Colours: dark'],
};

/** Light, dark, or as the system has it. */
export function themeButton(): { element: HTMLButtonElement; next: () => void } {
  const apply = (theme: Theme): void => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    relabel(element, ...SHOWN[theme]);
  };
  const next = (): void => {
    remembered.theme.set(NEXT[remembered.theme.get()]);
    apply(remembered.theme.get());
  };
  const element = button({ icon: 'auto', label: '', key: 'D', onClick: next });
  apply(remembered.theme.get());
  return { element, next };
}
