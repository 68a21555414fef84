/**
 * The look of the guides: one column of text at a comfortable measure, contents beside it on wide windows, light and
 * dark by the reader's setting or choice, and a print form with everything unfolded.
 */
import { styleSheet as figureStyles } from '../../src/workbench/plot/static/page.js';

const light = `
  --paper:#fdfdfb; --raised:#f4f4f0; --ink:#1d2126; --soft:#555d66; --line:#dddcd5; --accent:#0b5cad;
  --good:#1a7f4e; --bad:#b3261e; --bad-paper:#fdf0ee; --warn:#8a5a00; --warn-paper:#fdf6e3; --mark:#fff1a8;
  --kb-ink:var(--ink); --kb-paper:transparent; --kb-muted:var(--soft); --kb-grid:var(--line);
  --ansi-0:#24292f; --ansi-1:#b3261e; --ansi-2:#1a7f4e; --ansi-3:#8a5a00; --ansi-4:#0b5cad; --ansi-5:#8250df;
  --ansi-6:#116a73; --ansi-7:#6e7781; --ansi-8:#57606a; --ansi-9:#a40e26; --ansi-10:#1a7f37; --ansi-11:#7a4e00;
  --ansi-12:#0969da; --ansi-13:#8250df; --ansi-14:#116a73; --ansi-15:#4a5158; color-scheme:light;`;
const dark = `
  --paper:#15181c; --raised:#1d2126; --ink:#e3e6ea; --soft:#a3acb5; --line:#343b43; --accent:#7ab7ff;
  --good:#5cc98e; --bad:#ff8a80; --bad-paper:#2c1c1b; --warn:#e5b85c; --warn-paper:#2a2417; --mark:#5c5012;
  --kb-ink:var(--ink); --kb-paper:transparent; --kb-muted:var(--soft); --kb-grid:var(--line);
  --ansi-0:#8b949e; --ansi-1:#ff8a80; --ansi-2:#5cc98e; --ansi-3:#e5b85c; --ansi-4:#7ab7ff; --ansi-5:#d2a8ff;
  --ansi-6:#63d3dd; --ansi-7:#c9d1d9; --ansi-8:#8b949e; --ansi-9:#ffa198; --ansi-10:#7ee0a8; --ansi-11:#f2cc60;
  --ansi-12:#a5d0ff; --ansi-13:#e2c5ff; --ansi-14:#8ee7ef; --ansi-15:#f0f6fc; color-scheme:dark;`;

const sans = `system-ui,-apple-system,'Segoe UI','Noto Sans','PingFang SC','Hiragano Sans GB','Microsoft YaHei','Noto Sans CJK SC','Noto Sans SC',sans-serif`;
const mono = `ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono','Noto Sans Mono CJK SC',monospace`;

/** Where more lies beside what is seen, the edge is shaded: telephones show no scroll bar until one scrolls. */
const edge = (side: string, other: string) =>
  `linear-gradient(to ${other},var(--paper) 30%,transparent) ${side}/2.4rem 100% no-repeat local`;
const shade = (side: string, other: string) =>
  `linear-gradient(to ${other},color-mix(in srgb,var(--ink) 22%,transparent),transparent) ${side}/.8rem 100% no-repeat scroll`;
const scrollHint = `background:${[edge('left', 'right'), edge('right', 'left'), shade('left', 'right'), shade('right', 'left')].join(',')}`;

const ansi = Array.from(
  { length: 16 },
  (_, i) =>
    `.ansi-${i}{color:var(--ansi-${i})}.ansi-${i}-bg{background:color-mix(in srgb,var(--ansi-${i}) 25%,transparent)}`,
).join('');

/** @param codeColours the classes of the highlighter */
export function styleSheet(codeColours: string): string {
  return `
:root{${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{${dark}}
*,::before,::after{box-sizing:border-box}
html{scroll-padding-top:4.5rem;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.7 ${sans}}
:lang(zh){line-height:1.85;text-spacing-trim:trim-start}
a{color:var(--accent);text-underline-offset:.18em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-100vw}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.4rem .8rem;z-index:9}
header.bar{position:sticky;top:0;z-index:5;display:flex;flex-wrap:wrap;gap:.35rem 1rem;align-items:center;
  padding:.5rem 1.25rem;background:color-mix(in srgb,var(--paper) 92%,transparent);backdrop-filter:blur(8px);border-bottom:1px solid var(--line)}
header.bar a.home{font-weight:650;color:var(--ink);text-decoration:none;letter-spacing:-.01em}
header.bar .where{color:var(--soft);overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:1 1 8rem;min-width:0;font-size:.95rem}
.controls{display:none;gap:.75rem}.js .controls{display:flex}
.group{display:inline-flex;border:1px solid var(--line);border-radius:7px;overflow:hidden}
.group button{border:0;background:none;color:var(--soft);font:inherit;font-size:.85rem;line-height:1;padding:.45rem .65rem;cursor:pointer}
.group button+button{border-left:1px solid var(--line)}
.group button:hover{color:var(--ink)}
.group button[aria-pressed=true]{background:var(--raised);color:var(--ink);font-weight:600}
.layout{max-width:78rem;margin:0 auto;padding:0 1.25rem;display:grid;grid-template-columns:minmax(0,1fr)}
main{max-width:57rem;min-width:0;width:100%;margin:0 auto;padding:2rem 0 5rem}
nav.contents{font-size:.9rem;line-height:1.45;padding:1rem 0}
nav.contents ol{list-style:none;margin:0;padding:0}
nav.contents li{margin:.1rem 0}
nav.contents a{display:block;color:var(--soft);text-decoration:none;padding:.22rem .6rem;border-left:2px solid transparent}
nav.contents a:hover{color:var(--ink)}
nav.contents a[aria-current]{color:var(--ink);border-color:var(--accent)}
nav.contents .l3 a{padding-left:1.5rem;font-size:.85rem}
nav.contents summary{cursor:pointer;font-weight:600}
nav.contents [lang=zh]{display:block}nav.contents .slash{display:none}
@media (min-width:70rem){
  .layout.with-contents{grid-template-columns:17rem minmax(0,1fr);gap:3.5rem}
  nav.contents{position:sticky;top:3.4rem;align-self:start;max-height:calc(100vh - 3.4rem);overflow:auto;padding:2.2rem 0}
  .js nav.contents summary{display:none}
}
@media (max-width:69.99rem){nav.contents{border-bottom:1px solid var(--line)}}
h1,h2,h3,h4{line-height:1.25;letter-spacing:-.012em;text-wrap:balance;margin:2.4em 0 .7em}
h1{font-size:2.1rem;margin-top:0;letter-spacing:-.022em}h2{font-size:1.5rem;padding-top:.9em;border-top:1px solid var(--line)}h3{font-size:1.18rem}h4{font-size:1.03rem}
h1>[lang=zh],h2>[lang=zh],h3>[lang=zh]{display:block;color:var(--soft);font-weight:550;font-size:.82em;letter-spacing:0;margin-top:.3em}
h1 .slash,h2 .slash,h3 .slash{display:none}
[data-show=zh] h1 [lang=zh],[data-show=zh] h2 [lang=zh],[data-show=zh] h3 [lang=zh]{color:inherit;font-size:1em}
h2 a.anchor,h3 a.anchor{margin-left:.4em;color:var(--line);text-decoration:none;font-weight:400}
h2:hover a.anchor,h3:hover a.anchor,a.anchor:focus-visible{color:var(--accent)}
main p,main li,main blockquote,main div[lang]{max-width:46rem}
p{margin:.9em 0}ul,ol{padding-left:1.5em}li{margin:.25em 0}li>p{margin:.4em 0}
blockquote{margin:1em 0;padding:.1em 1.1em;border-left:3px solid var(--line);color:var(--soft)}
[data-show=en] body [lang=zh],[data-show=zh] body [lang=en]{display:none!important}
:root:not([data-show=zh]) :is(.number,.alone){display:none}
summary>span[lang=zh],caption>span[lang=zh]{display:block}summary>span+.slash,caption>span+.slash{display:none}
[data-show=en] .slash,[data-show=zh] .slash{display:none}
main div[lang=zh]{padding-left:1rem;border-left:2px solid var(--line);margin:1.1em 0}
[data-show=zh] main div[lang=zh]{padding-left:0;border-left:0}
code,pre,kbd,samp{font-family:${mono};font-size:.875em;font-variant-ligatures:none}
:not(pre)>code{background:var(--raised);border-radius:4px;padding:.1em .32em;overflow-wrap:anywhere}
pre{margin:0;padding:.85rem 1rem;overflow:auto;line-height:1.55;font-size:.83rem;tab-size:2}
pre.code{font-size:.8rem}
pre.code .line{display:block}
.math-block,.wide,pre{scrollbar-width:thin;scrollbar-color:var(--soft) transparent}
pre code{font-size:inherit}
pre.code{background:var(--raised);border:1px solid var(--line);border-radius:8px}
pre.code span{color:var(--light)}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]) pre.code span{color:var(--dark)}}
:root[data-theme=dark] pre.code span{color:var(--dark)}
${codeColours}
.cell{margin:1.4rem 0}
.cell .input{position:relative}
.cell .count{display:block;text-align:right;color:var(--soft);font:.72rem/1.5 ${mono};user-select:none}
@media (min-width:70rem){.cell .count{position:absolute;right:calc(100% + .5rem);top:.95rem}}
@media (max-width:61.99rem){
  /* The title stands below in full. */
  header.bar .where{visibility:hidden}
  .wide,.wide>div,.math-block{${scrollHint}}
  pre.code{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.76rem}
  pre.code .line{padding-left:calc((var(--indent) + 4)*1ch);text-indent:calc((var(--indent) + 4)*-1ch)}
  .katex-display>.katex{white-space:normal}.katex-display>.katex>.katex-html>.base{margin:.2em 0}
}
.output{margin-top:.55rem}
.output pre{padding:.5rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere;max-height:34rem}
.output pre.stderr{border-left:3px solid var(--warn);background:var(--warn-paper);border-radius:0 8px 8px 0}
.wide{overflow-x:auto;padding:.1rem 0;margin:.9em 0}.output .wide{margin:0;font-size:.86rem;line-height:1.55}
table{border-collapse:collapse;font-size:.9rem;line-height:1.5;font-variant-numeric:tabular-nums}
th,td{padding:.34rem .8rem!important;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);white-space:nowrap}
tbody tr:last-child td{border-bottom:0}
caption{text-align:left;font-weight:600;padding:.3rem .8rem}
.output table{font-size:.86rem!important}.output th,.output td{padding:.3rem .55rem!important}
.output th{white-space:normal}
.kernelbook-verify,.kernelbook-profile{border-radius:2px}
figure.plotly{margin:.6rem 0}.output svg,.output img,main img{max-width:100%;height:auto}
.output>img,.figure.foreign{background:#fff;border-radius:8px;padding:.5rem}
.error{border-left:3px solid var(--bad);background:var(--bad-paper);border-radius:0 8px 8px 0;padding:.7rem 1.1rem}
.error p{margin:.2rem 0;overflow-wrap:anywhere}.error .label{font-size:.82rem;font-weight:600;color:var(--bad)}
.error pre{padding:.4rem 0}
.error.expected{border-color:var(--warn);background:var(--warn-paper)}.error.expected .label{color:var(--warn)}
details{margin:1rem 0;border:1px solid var(--line);border-radius:8px;padding:.15rem 1rem}
summary{cursor:pointer;padding:.5rem 0;font-weight:550}
details[open]>summary{border-bottom:1px solid var(--line);margin-bottom:.6rem}
nav.contents details{border:0;padding:0;margin:0}nav.contents details[open]>summary{border:0;margin:0}
.error details{border:0;padding:0;margin:.3rem 0}.error details[open]>summary{border:0;margin:0}.error summary{font-weight:400;font-size:.88rem;color:var(--soft)}
.math-block{display:block;overflow-x:auto;overflow-y:hidden;padding:.35rem 0}
.katex{font-size:1.1em}.katex-display{margin:.5em 0}
.kept{white-space:nowrap}.kept .katex-html{white-space:normal}
.math-error{color:var(--bad)}
.facts{color:var(--soft);font-size:.9rem;display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;padding:0;margin:.6rem 0 1.6rem;list-style:none}
.good{color:var(--good)}.bad{color:var(--bad)}
.failures{border-left:3px solid var(--bad);background:var(--bad-paper);padding:.6rem 1.1rem;border-radius:0 8px 8px 0;margin:1rem 0}
.failures p{margin:.2rem 0}.failures ul{margin:.3rem 0}
.pager{display:flex;justify-content:space-between;gap:1rem;margin-top:4rem;padding-top:1.2rem;border-top:1px solid var(--line)}
.pager a{text-decoration:none;max-width:48%}.pager small{display:block;color:var(--soft)}
.topics>li{max-width:none!important}.topics{list-style:none;padding:0;display:grid;gap:1rem}
.topics>li{border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.4rem}
.topics h2{border:0;padding:0;margin:0;font-size:1.25rem}
.topics h2 a{color:inherit;text-decoration:none}.topics h2 a:hover{color:var(--accent)}
.topics .facts{margin:.5rem 0}.topics ol{list-style:none;font-size:.94rem;margin:.4rem 0;columns:22rem;column-gap:2rem;padding:0}
.topics ol li{break-inside:avoid}.topics ol a{color:var(--ink);text-decoration:none}.topics ol a:hover{text-decoration:underline}
.topics ol [lang=zh]{color:var(--soft);font-size:.92em}
search[hidden]{display:none}
search input{font:inherit;width:100%;padding:.6rem .9rem;border:1px solid var(--line);border-radius:9px;background:var(--paper);color:inherit}
search ol{padding-left:1.4em}search li p{margin:.1rem 0 .6rem;font-size:.9rem;color:var(--soft)}
mark{background:var(--mark);color:inherit}
footer{border-top:1px solid var(--line);color:var(--soft);font-size:.85rem;padding:1.2rem 1.25rem 2.5rem;text-align:center}
.ansi-bold{font-weight:650}.ansi-dim{opacity:.75}.ansi-italic{font-style:italic}.ansi-underline{text-decoration:underline}
.ansi-inverse{background:var(--ink);color:var(--paper)}
${ansi}
${figureStyles}
@media print{
  :root,:root[data-theme=dark],:root:not([data-theme=light]){${light} --paper:#fff}
  body{font-size:10.5pt;line-height:1.5}
  header.bar,nav.contents,.pager,.skip,search,a.anchor{display:none!important}
  .layout,.layout.with-contents{display:block;max-width:none;padding:0}main{max-width:none;padding:0}
  pre,.output pre{white-space:pre-wrap;max-height:none;overflow:visible}
  pre.code span,:root[data-theme=dark] pre.code span{color:var(--light)!important}
  figure.plotly .live{display:none}figure.plotly .still{display:block!important}
  .cell .input,.output,figure,table,.error{break-inside:avoid}h1,h2,h3{break-after:avoid}
  details::details-content{content-visibility:visible;height:auto;display:block}
  .wide,.math-block,.wide div{overflow:visible!important}
  .wide table{width:100%;font-size:8pt!important}
  .wide th,.wide td{white-space:normal!important;overflow-wrap:anywhere;padding:.2rem .3rem!important}
  .katex-display>.katex{white-space:normal}
  pre.code .line{padding-left:calc((var(--indent) + 4)*1ch);text-indent:calc((var(--indent) + 4)*-1ch)}
}
`;
}
