import { Markup } from './markup.js';

/** The style sheet of a report: light and dark as the reader's system is, one column on a phone. */
export const STYLE = new Markup(`
:root{color-scheme:light dark;
 --back:#fff;--panel:#f6f7f9;--text:#1b1f24;--soft:#5b6572;--rule:#d9dee4;--accent:#0b6bcb;--good:#e3f1e5;--ahead:#fbeed6;
 --c0:#0b6bcb;--c1:#c8420a;--c2:#137a4b;--c3:#8a3fb0;--c4:#a8700a;--c5:#0b8793;--c6:#b8245f;--c7:#5a5a66}
@media (prefers-color-scheme:dark){:root{
 --back:#14171b;--panel:#1c2127;--text:#e7eaee;--soft:#a2adb9;--rule:#353d47;--accent:#6db3ff;--good:#1d3a2a;--ahead:#43351a;
 --c0:#6db3ff;--c1:#ff9466;--c2:#5fcf95;--c3:#cf9bf0;--c4:#e9bb55;--c5:#58cfdb;--c6:#ff86b5;--c7:#b9b9c6}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 28px 64px;max-width:1360px;background:var(--back);color:var(--text);
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:40px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:22px 0 8px}
p{margin:6px 0 10px;max-width:75ch}
ul{margin:6px 0 12px;padding-left:20px}li{overflow-wrap:anywhere}
.soft{color:var(--soft)}
.note{background:var(--ahead);border-radius:6px;padding:8px 12px;max-width:none}
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch;margin:0 -4px;padding:0 4px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 12px;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th{font-weight:600}
tbody th,.left,thead th:first-child{text-align:left}
tbody th{font-weight:400}
.measures tbody th{position:sticky;left:0;background:var(--back);min-width:8.5em;max-width:16em}
.group th{font-weight:600;padding-top:16px;color:var(--soft)}
.beside{color:var(--soft)}
td.best{background:var(--good);font-weight:700}
td.ahead{background:var(--ahead)}
td small,th small{display:block;font-weight:400;color:var(--soft);font-size:.78rem}
td small{white-space:nowrap}
.name{overflow-wrap:anywhere;min-width:8em;max-width:14em}
.swatch{display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.45em;background:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.9rem;margin:0 0 8px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:16px}
figure{margin:0}
.chart{background:var(--panel);border-radius:8px;padding:8px 10px 4px}
.chart figcaption{font-size:.88rem;font-weight:600}
svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif}
svg text{fill:var(--soft)}
svg .grid{stroke:var(--rule);stroke-width:1}
svg .line path{fill:none;stroke-width:1.8;stroke-linejoin:round}
svg .line circle{stroke:none}
svg .beside path{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3}svg .beside circle{fill:var(--soft)}
svg .again path{stroke-dasharray:7 3}
${Array.from({ length: 8 }, (_, i) => `svg .c${i} path{stroke:var(--c${i})}svg .c${i} circle{fill:var(--c${i})}.swatch.c${i}{background:var(--c${i})}`).join('\n')}
.frames{display:grid;grid-template-columns:repeat(var(--columns),minmax(0,var(--shown)));gap:8px 10px;margin:0 0 18px}
.frames img{display:block;width:100%;height:auto;background:#202020;border-radius:3px}
.frames.sharp img{image-rendering:pixelated}
.frames figcaption{font-size:.8rem;color:var(--soft);overflow-wrap:anywhere;line-height:1.3;margin-top:3px}
.settings td{text-align:left;overflow-wrap:anywhere;min-width:7em;max-width:26em}
code,pre{font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--panel);border-radius:8px;padding:12px;overflow-x:auto}
summary{cursor:pointer;padding:4px 0;overflow-wrap:anywhere}
.frames.many{grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--shown)),var(--shown)))}
@media (max-width:640px){body{padding:16px 14px 48px;font-size:15px}
 th,td{padding:5px 8px}td.left{min-width:8em}.measures tbody th{max-width:8.5em}
 .frames,.frames.many{grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--shown-small)),1fr))}}
@media print{body{max-width:none}.scroll{overflow:visible}}
`);
