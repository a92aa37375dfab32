/** What a camera sees of a QR code that a terminal shows as half blocks; `isBlockLight` without colours on a dark one. */
export function photographQr(
  drawing: string,
  isBlockLight: boolean,
): { width: number; height: number; data: Uint8ClampedArray } {
  const scale = 4;
  const lines = drawing.replaceAll('\u001b[30;107m', '').replaceAll('\u001b[0m', '').trimEnd().split('\n');
  const columns = Math.max(...lines.map((line) => line.length)) + 8;
  const rows = lines.length * 2 + 8;
  const data = new Uint8ClampedArray(columns * rows * scale * scale * 4).fill(isBlockLight ? 0 : 255);
  lines.forEach((line, row) => {
    [...line].forEach((character, column) => {
      const halves = [character === '█' || character === '▀', character === '█' || character === '▄'];
      halves.forEach((isBlock, half) => {
        const isLight = isBlock === isBlockLight;
        for (let dy = 0; dy < scale; dy += 1) {
          for (let dx = 0; dx < scale; dx += 1) {
            const y = (4 + row * 2 + half) * scale + dy;
            const x = (4 + column) * scale + dx;
            data.fill(isLight ? 255 : 0, (y * columns * scale + x) * 4, (y * columns * scale + x) * 4 + 3);
          }
        }
      });
    });
  });
  for (let alpha = 3; alpha < data.length; alpha += 4) data[alpha] = 255;
  return { width: columns * scale, height: rows * scale, data };
}
