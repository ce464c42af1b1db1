// What a run has found, as a table for a terminal and as docs/interop.md.
export function printTable(rows) {
  const cells = rows.map(r => [r.peer, r.weOffer ? 'we offer' : 'we answer', r.name, r.result,
    r.seconds ? `${r.seconds.toFixed(1)} s` : '', r.detail]);
  const widths = cells[0].map((_, i) => Math.max(...cells.map(c => c[i].length)));
  for (const row of cells) console.log(row.map((cell, i) => cell.padEnd(i < 5 ? widths[i] : 0)).join('  ').trimEnd());
  const again = rows.filter(r => r.result === 'ok, second try').length;
  const early = rows.filter(r => r.result === 'AWAITED').length;
  if (again) console.log(`${again} only passed the second time`);
  if (early) console.log(`!! ${early} cases WAIT FOR FEATURES OF OURS THAT ARE NOT THERE YET`);
}
export function writePage(rows) {}
