import { COLOURS } from './line-chart.js';
import { html, type Markup } from './markup.js';

/** The colour of a run's lines, in front of its name. */
export const swatch = (run: number): Markup => html`<span class="swatch c${run % COLOURS}"></span>`;

/** Runs by their colours, above charts. */
export const legend = (names: readonly string[], beside: readonly string[] = []): Markup =>
  html`<div class="legend">
    ${names.map((name, i) => html`<span>${swatch(i)}${name}${i >= COLOURS && ' (dashed)'}</span>`)}${beside.map((name) => html`<span class="soft"><span class="swatch"></span>${name} (dashed)</span>`)}
  </div>`;
