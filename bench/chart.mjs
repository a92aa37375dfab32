// Charts as SVG: light background, titled axes, nothing but text and lines.
const width = 960;
const left = 250;
const right = 40;
const top = 78;
const colors = ['#1b6ca8', '#c0392b', '#218c5a', '#8e5bb5', '#b8860b', '#34495e', '#d35400', '#16a085'];
const paper = '#ffffff';
const ink = '#222222';

/**
 * One row for each measure, one mark for each path with its quartiles as a line, on a logarithmic axis.
 * `rows`: `{ name, marks: [{ path, median, low, high }] }`.
 */
export function drawRatios({ title, axis, paths, rows }) {
  const lane = 11;
  const rowHeight = paths.length * lane + 18;
  const bottom = top + rows.length * rowHeight;
  const height = bottom + 62;
  const all = rows.flatMap(({ marks }) => marks.flatMap(({ low, high, median }) => [low, high, median]));
  const ticks = logTicks(all.filter((value) => value > 0 && Number.isFinite(value)));
  const [least, most] = [Math.log(ticks[0]), Math.log(ticks.at(-1))];
  const x = (value) => left + ((Math.log(value) - least) / (most - least)) * (width - left - right);
  const parts = [...frame(title, height), ...legend(paths)];
  for (const tick of ticks) {
    const isOne = tick === 1;
    parts.push(line(x(tick), top, x(tick), bottom, { opacity: isOne ? 0.9 : 0.15, width: isOne ? 1.5 : 1 }));
    parts.push(text(x(tick), bottom + 18, tick, 'middle'));
  }
  parts.push(text((left + width - right) / 2, bottom + 44, axis, 'middle'));
  for (const [index, { name, marks }] of rows.entries()) {
    const start = top + index * rowHeight;
    parts.push(line(8, start, width - right, start, { opacity: 0.15 }));
    parts.push(text(left - 14, start + rowHeight / 2 + 4, name, 'end'));
    for (const { path, median, low, high } of marks) {
      if (!(median > 0)) continue;
      const place = paths.indexOf(path);
      const y = start + 14 + place * lane;
      const color = colors[place % colors.length];
      const label = `${path}, ${name}: ${round(median, 3)} (${round(low, 3)} to ${round(high, 3)})`;
      parts.push(
        `<g><title>${escapeText(label)}</title>${line(x(low), y, x(high), y, { color, width: 3, opacity: 0.45 })}<circle cx="${round(x(median))}" cy="${y}" r="4" fill="${color}"/></g>`,
      );
    }
  }
  parts.push('</svg>\n');
  return parts.join('\n');
}

/** Lines over one axis. `series`: `{ name, points: [[x, y]] }`, in the units that the axes name. */
export function drawLines({ title, xAxis, yAxis, series }) {
  const plotHeight = 320;
  const legendRows = Math.ceil(series.length / 3);
  const start = top + Math.max(0, legendRows - 1) * 18;
  const bottom = start + plotHeight;
  const origin = 90;
  const points = series.flatMap((one) => one.points);
  const mostX = niceCeiling(Math.max(...points.map(([at]) => at)));
  const mostY = niceCeiling(Math.max(...points.map(([, value]) => value)));
  const x = (value) => origin + (value / mostX) * (width - origin - right);
  const y = (value) => bottom - (value / mostY) * plotHeight;
  const parts = [
    ...frame(title, bottom + 62),
    ...legend(
      series.map(({ name }) => name),
      3,
    ),
  ];
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(line(origin, y(mostY * share), width - right, y(mostY * share), { opacity: 0.15 }));
    parts.push(text(origin - 8, y(mostY * share) + 4, grouped(mostY * share), 'end'));
    parts.push(text(x(mostX * share), bottom + 18, grouped(mostX * share), 'middle'));
  }
  parts.push(text((origin + width - right) / 2, bottom + 44, xAxis, 'middle'));
  const middle = start + plotHeight / 2;
  parts.push(
    `<text x="22" y="${middle}" text-anchor="middle" transform="rotate(-90 22 ${middle})">${escapeText(yAxis)}</text>`,
  );
  for (const [index, one] of series.entries()) {
    const color = colors[index % colors.length];
    const path = one.points.map(([at, value], step) => `${step === 0 ? 'M' : 'L'}${round(x(at))} ${round(y(value))}`);
    parts.push(`<path d="${path.join('')}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const [at, value] of one.points) {
      parts.push(`<circle cx="${round(x(at))}" cy="${round(y(value))}" r="3" fill="${color}"/>`);
    }
  }
  parts.push('</svg>\n');
  return parts.join('\n');
}

function frame(title, height) {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="${ink}"><title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${paper}"/>`,
    `<text x="20" y="28" font-size="17">${escapeText(title)}</text>`,
  ];
}

function legend(names, perRow = names.length) {
  const step = (width - 40) / perRow;
  return names.map((name, index) => {
    const x = 20 + (index % perRow) * step;
    const y = 54 + Math.floor(index / perRow) * 18;
    return `<circle cx="${round(x + 5)}" cy="${y - 4}" r="5" fill="${colors[index % colors.length]}"/>${text(x + 16, y, name)}`;
  });
}

/** 1, 2 and 5 of each power of ten, around all values and 1. */
function logTicks(values) {
  const least = Math.min(1, ...values);
  const most = Math.max(1, ...values);
  const ticks = [];
  for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.log10(most) + 1; power++) {
    for (const step of [1, 2, 5]) ticks.push(Number((step * 10 ** power).toPrecision(1)));
  }
  const first = ticks.findLastIndex((tick) => tick <= least);
  const last = ticks.findIndex((tick) => tick >= most);
  return ticks.slice(Math.max(0, first === last ? first - 1 : first), last + 1);
}

function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}

function line(x1, y1, x2, y2, { color = ink, opacity = 1, width: stroke = 1 } = {}) {
  return `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" stroke="${color}" stroke-opacity="${opacity}" stroke-width="${stroke}"/>`;
}

function text(x, y, content, anchor = 'start') {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escapeText(String(content))}</text>`;
}

function grouped(value) {
  return Number(value.toPrecision(6)).toLocaleString('en-US');
}

function round(value, digits = 1) {
  return Number(value.toFixed(digits));
}

function escapeText(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
