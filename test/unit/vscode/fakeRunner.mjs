// A tiny child that speaks our own protocol, so that the process handling is tested by itself: what it is asked
// for decides how it behaves.
process.on('message', ({ kind, id, method, params }) => {
  if (kind !== 'request') return;
  const answer = (result) => process.send({ kind: 'response', id, result });
  if (method === 'config') answer({ argv: process.argv.slice(2), env: { ...process.env }, pid: process.pid });
  else if (method === 'watch') {
    answer(undefined);
    process.send({
      kind: 'notification',
      name: 'runs',
      params: { target: 't', database: params.target.database, runs: [], pid: process.pid },
    });
  } else if (method === 'status') {
    process.send({
      kind: 'response',
      id,
      error: { message: 'no server', user: true, action: { label: 'Retry' } },
    });
  } else if (method === 'snapshot') {
    process.stderr.write('first line\nheap is full\n', () => process.exit(7));
  } else if (method === 'cancel') {
    if (params.force) setImmediate(() => process.disconnect());
    else process.exit(0);
  } else if (method === 'start') {
    const run = { _id: 'r1', state: 'running', steps: [], startedAt: new Date(), heartbeatAt: new Date() };
    process.send({ kind: 'notification', name: 'snapshot', params: { run } });
    if (params.mode === 'down') answer({ run: { ...run, state: 'rolled-back' }, exitCode: 0 });
  }
});
console.log('ready');
setInterval(() => {}, 1000);
