// A chart of a soak as SVG: one panel for each quantity over the same time, faults as marks below.
const width = 1_000;
const panelHeight = 150;
const left = 70;
const right = 210;
const top = 40;
const gap = 46;
const colors = ['#1b6ca8', '#c0392b', '#218c5a', '#8e5bb5', '#b8860b', '#34495e', '#d35400', '#16a085'];
const paperColor = '#ffffff';
const inkColor = '#333333';

/** `panels`: `{ title, unit, series: [{ name, points: [[seconds, value]], dots? }] }`; `faults`: `[[seconds, name]]`, under the name `marksName`. */
export function drawChart({ title, seconds, panels, faults, marksName = 'faults' }) {
  const x = (at) => left + (at / seconds) * (width - left - right);
  const height = top + panels.length * (panelHeight + gap) + 40;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="${inkColor}"><title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${paperColor}"/>`,
    `<text x="${left}" y="22" font-size="16">${escapeText(title)}</text>`,
  ];
  for (const [index, panel] of panels.entries()) {
    parts.push(drawPanel(panel, top + index * (panelHeight + gap), x, seconds));
  }
  const y = top + panels.length * (panelHeight + gap);
  parts.push(`<text x="${left - 8}" y="${y + 4}" text-anchor="end">${escapeText(marksName)}</text>`);
  for (const [at, name] of faults) {
    parts.push(`<path d="M${round(x(at))} ${y - 6}v12" stroke="${inkColor}"><title>${escapeText(name)}</title></path>`);
  }
  parts.push('</svg>\n');
  return parts.join('\n');
}

function drawPanel({ title, unit, series }, offset, x, seconds) {
  const bottom = offset + 20 + panelHeight;
  const highest = niceCeiling(Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value))));
  const y = (value) => bottom - (value / highest) * panelHeight;
  const parts = [`<text x="${left}" y="${offset + 12}">${escapeText(`${title}, ${unit}`)}</text>`];
  for (const share of [0, 0.5, 1]) {
    const at = round(y(highest * share));
    parts.push(`<path d="M${left} ${at}H${width - right}" stroke="${inkColor}" stroke-opacity="0.2"/>`);
    parts.push(`<text x="${left - 8}" y="${at + 4}" text-anchor="end">${highest * share}</text>`);
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const label = `${Math.round((seconds * share) / 6) / 10} min`;
    parts.push(`<text x="${round(x(seconds * share))}" y="${bottom + 18}" text-anchor="middle">${label}</text>`);
  }
  for (const [index, { name, points, dots }] of series.entries()) {
    const color = colors[index % colors.length];
    const legendY = offset + 30 + index * 16;
    parts.push(`<path d="M${width - right + 14} ${legendY - 4}h16" stroke="${color}" stroke-width="3"/>`);
    parts.push(`<text x="${width - right + 36}" y="${legendY}">${escapeText(name)}</text>`);
    if (dots) {
      for (const [at, value] of points) {
        parts.push(`<circle cx="${round(x(at))}" cy="${round(y(value))}" r="2" fill="${color}"/>`);
      }
    } else {
      const path = points.map(([at, value], step) => `${step === 0 ? 'M' : 'L'}${round(x(at))} ${round(y(value))}`);
      parts.push(`<path d="${path.join('')}" fill="none" stroke="${color}" stroke-width="1.2"/>`);
    }
  }
  return parts.join('\n');
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
