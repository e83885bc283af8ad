// Knocks at a port again and again, by every address that it is given, until its standard input ends:
//   node knock.mjs PORT ADDRESS…
// A door that opens is spoken to as TensorFlow's peers do (HTTP/2), and again every so often.
// Prints a JSON line: knocks, and of those that were let in, and the longest time after that at which one was still answered.
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';

const [port, ...hosts] = process.argv.slice(2);
const PATIENCE_MS = 400;
const PAUSE_MS = 3;
const AGAIN_MS = 500;
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const GREETING = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), SETTINGS]);

const told = { knocks: 0, letIn: 0, refused: 0, unanswered: 0, answeredSeconds: 0 };
let hasEnded = false;

function knock(host) {
  if (hasEnded) return;
  told.knocks += 1;
  const socket = connect({ host, port: Number(port) });
  let speaking;
  const again = () => setTimeout(knock, PAUSE_MS, host);
  const patience = setTimeout(() => {
    told.unanswered += 1;
    socket.destroy();
    again();
  }, PATIENCE_MS);
  socket.once('connect', () => {
    clearTimeout(patience);
    told.letIn += 1;
    const since = performance.now();
    socket.on('data', () => {
      const seconds = (performance.now() - since) / 1000;
      told.answeredSeconds = Math.max(told.answeredSeconds, seconds);
    });
    socket.write(GREETING);
    speaking = setInterval(() => socket.write(SETTINGS), AGAIN_MS);
    again();
  });
  socket.once('error', () => {
    clearTimeout(patience);
    clearInterval(speaking);
    if (socket.destroyed && speaking === undefined) {
      told.refused += 1;
      again();
    }
  });
}

hosts.forEach(knock);
process.stdin.resume().once('end', () => {
  hasEnded = true;
  process.stdout.write(`${JSON.stringify(told)}\n`);
  process.exit();
});
