import { sanitize } from '../output/sanitize.js';
import type { Style } from '../output/style.js';
import { cutToWidth, displayWidth, fitToWidth } from './display-width.js';
import { formatBytes, formatDuration, formatRtt } from './format-amount.js';
import type { LiveLink, LiveSession, LiveSnapshot, Traffic } from './snapshot.js';

export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

/** A sum has no round trip. */
type Cells = Traffic & { readonly streams: number; readonly rttMs: number | undefined | null };

interface Column {
  readonly head: string;
  readonly width: number;
  readonly text: (cells: Cells) => string;
  /** Lower ones go first where there is no room. */
  readonly weight: number;
  /** Of this moment: nothing to be told of a session that is interrupted. */
  readonly isNow?: true;
}

const columns: readonly Column[] = [
  { head: 'streams', width: 7, text: ({ streams }) => String(streams), weight: 3 },
  { head: 'in', width: 7, text: ({ bytesIn }) => formatBytes(bytesIn), weight: 1 },
  { head: 'out', width: 7, text: ({ bytesOut }) => formatBytes(bytesOut), weight: 1 },
  { head: 'in/s', width: 9, text: ({ inPerSecond }) => `${formatBytes(inPerSecond)}/s`, weight: 4, isNow: true },
  { head: 'out/s', width: 9, text: ({ outPerSecond }) => `${formatBytes(outPerSecond)}/s`, weight: 4, isNow: true },
  { head: 'rtt', width: 7, text: ({ rttMs }) => (rttMs === null ? '' : formatRtt(rttMs)), weight: 2, isNow: true },
];
const leastPeerColumns = 14;
const leastColumns = 20;
const stateColumns = 10;
/** Narrower terminals see no round trips of links. */
const leastRttColumns = 34;

/** The lines of the view: none is wider than the terminal, and together they leave room for the line of the cursor. */
export function renderView(snapshot: LiveSnapshot, size: ViewSize, style: Style): string[] {
  // The last column stays free: some terminals wrap as soon as it is written.
  const width = Math.max(leastColumns, size.columns) - 1;
  const shown = chooseColumns(width);
  const peerColumns = width - shown.reduce((sum, column) => sum + column.width + 1, 0);
  const row = (peer: string, cells: Cells): string =>
    [
      fitToWidth(peer, peerColumns),
      ...shown.map((column) => fitToWidth(column.text(cells), column.width, 'right')),
    ].join(' ');

  /** What is said of a session takes the place of numbers that say nothing now. */
  const noted = (session: LiveSession, note: string): string => {
    const kept = shown.filter(({ isNow }) => isNow !== true);
    if (kept.length === shown.length) return row(`${note} ${peerText(session)}`, session);
    const cells = kept.map((column) => fitToWidth(column.text(session), column.width, 'right'));
    const left = [fitToWidth(peerText(session), peerColumns), ...cells].join(' ');
    return `${left} ${fitToWidth(sanitize(note), width - displayWidth(left) - 1, 'right')}`;
  };

  const links = snapshot.links.map((link) => renderLink(link, width, style));
  const sum = { ...snapshot.total, rttMs: null };
  const count = snapshot.sessions.length;
  const total = row(`total, ${snapshot.total.sessions} ${snapshot.total.sessions === 1 ? 'session' : 'sessions'}`, sum);
  const room = Math.max(0, size.rows - 4 - links.length);
  const sessions = chooseSessions(snapshot.sessions, room).map((session) =>
    session.note === undefined ? row(peerText(session), session) : style.yellow(noted(session, session.note)),
  );
  const hidden = count - sessions.length;
  const more = hidden === 0 || room === 0 ? [] : [style.dim(cutToWidth(`and ${hidden} more`, width))];
  const head = [
    fitToWidth('peer', peerColumns),
    ...shown.map((column) => fitToWidth(column.head, column.width, 'right')),
  ].join(' ');
  const lines = [renderTitle(snapshot, width, style), ...links];
  if (count > 0) lines.push(style.dim(head), ...sessions, ...more);
  lines.push(total.trimEnd());
  return lines.slice(0, Math.max(1, size.rows - 1));
}

function chooseColumns(width: number): Column[] {
  const chosen = new Set<Column>();
  let left = width - leastPeerColumns;
  for (const column of [...columns].sort((a, b) => b.weight - a.weight)) {
    if (left < column.width + 1) break;
    left -= column.width + 1;
    chosen.add(column);
  }
  return columns.filter((column) => chosen.has(column));
}

/** Where not all fit: those with the most traffic now, in the order in which they came. */
function chooseSessions(sessions: readonly LiveSession[], room: number): readonly LiveSession[] {
  if (sessions.length <= room) return sessions;
  const rate = ({ inPerSecond, outPerSecond }: LiveSession): number => inPerSecond + outPerSecond;
  // One line says how many are left out.
  const busiest = new Set([...sessions].sort((a, b) => rate(b) - rate(a)).slice(0, Math.max(0, room - 1)));
  return sessions.filter((session) => busiest.has(session));
}

function renderTitle({ title, upMs }: LiveSnapshot, width: number, style: Style): string {
  const up = `up ${formatDuration(upMs)}`;
  const left = cutToWidth(sanitize(title), Math.max(0, width - up.length - 1));
  return `${style.bold(left)}${' '.repeat(Math.max(1, width - displayWidth(left) - up.length))}${style.dim(up)}`;
}

function renderLink({ url, state, isUp, rttMs }: LiveLink, width: number, style: Style): string {
  const rtt = width < leastRttColumns ? '' : ` ${fitToWidth(formatRtt(rttMs), 8, 'right')}`;
  const where = fitToWidth(`relay ${sanitize(url)}`, width - stateColumns - 1 - rtt.length);
  const word = fitToWidth(sanitize(state), stateColumns);
  return `${where} ${isUp ? style.green(word) : style.yellow(word)}${rtt}`;
}

function peerText({ peerId, alias }: LiveSession): string {
  const id = sanitize(peerId);
  const short = id.length > 16 ? `${id.slice(0, 8)}..${id.slice(-4)}` : id;
  return alias === undefined ? short : `${sanitize(alias)} ${short}`;
}
