/** What the page shows; asked for by the page itself every second. */
export interface DemoFacts {
  readonly requests: number;
  readonly owner: string;
  readonly dialer: string;
  readonly relay: string;
  readonly sessions: number;
  readonly streams: number;
  readonly relayBytes: { readonly dialerLink: number; readonly ownerLink: number };
  /** The last bytes that the relay carried on the dialer's link, in hexadecimal lines. */
  readonly relaySees: readonly string[];
  readonly uptimeSeconds: number;
}

/** One file without anything from elsewhere; all facts are set as text, never as markup. */
export const demoPage: string = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sealane demo</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.5rem; }
  .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
  section { border: 1px solid #8886; border-radius: .5rem; padding: 0 1rem 1rem; min-width: 0; }
  pre, td { font: 13px/1.5 ui-monospace, monospace; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; }
  table { border-spacing: 0; width: 100%; }
  td { padding: .1rem .5rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }
  td:first-child { white-space: nowrap; opacity: .7; }
</style>
<h1>This page came through a relay that cannot read it</h1>
<p>Your browser talks to a dialer on this machine. The dialer and the owner of this page met at a relay and agreed on keys
that the relay never had. Everything below is live.</p>
<div class="columns">
  <section><h2>What you see</h2><table id="facts"></table></section>
  <section><h2>What the relay sees</h2><pre id="relay">...</pre></section>
</div>
<script>
  const names = {
    requests: 'requests served', owner: 'owner id', dialer: 'dialer id', relay: 'relay id', sessions: 'encrypted sessions',
    streams: 'connections so far', dialerLink: 'bytes, dialer and relay', ownerLink: 'bytes, owner and relay', uptimeSeconds: 'seconds up',
  };
  const table = document.getElementById('facts');
  const show = (key, value) => {
    let cell = document.getElementById('fact-' + key);
    if (cell === null) {
      const row = table.insertRow();
      row.insertCell().textContent = names[key];
      cell = row.insertCell();
      cell.id = 'fact-' + key;
    }
    cell.textContent = String(value);
  };
  const refresh = async () => {
    try {
      const facts = await (await fetch('facts', { cache: 'no-store' })).json();
      for (const key of Object.keys(names)) show(key, key in facts ? facts[key] : facts.relayBytes[key]);
      document.getElementById('relay').textContent = facts.relaySees.join('\\n');
    } catch {
      document.getElementById('relay').textContent = 'The demo has ended.';
    }
    setTimeout(refresh, 1000);
  };
  refresh();
</script>
</html>
`;
