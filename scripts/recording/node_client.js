// The requests for node_server.js, one after the other.
'use strict';
const http2 = require('http2');
const { constants } = http2;
const port = process.argv[2];

function connect() {
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { enablePush: true, initialWindowSize: 32768 } });
  session.on('error', () => {});
  session.on('stream', (push, headers) => {
    push.on('error', () => {});
    if (headers[':path'] === '/unwanted.js') {
      push.close(constants.NGHTTP2_CANCEL);
    } else {
      push.resume();
    }
  });
  return session;
}

function exchange(session, headers, body, options) {
  return new Promise((done) => {
    const stream = session.request(headers, options || { endStream: body === undefined });
    stream.on('error', () => {});
    stream.on('close', done);
    stream.resume();
    if (body !== undefined) {
      stream.end(body);
    }
  });
}

function trailers(session) {
  return new Promise((done) => {
    const stream = session.request({ ':path': '/trailers', ':method': 'POST', te: 'trailers' },
      { waitForTrailers: true, endStream: false });
    stream.on('wantTrailers', () => stream.sendTrailers({ digest: 'none' }));
    stream.on('close', done);
    stream.resume();
    stream.end('request body\n');
  });
}

async function main() {
  let session = connect();
  await exchange(session, { ':path': '/page', 'accept-language': 'en, *;q=0.5' });
  await new Promise((done) => session.ping(Buffer.from('pingping'), done));
  await trailers(session);
  await exchange(session, { ':path': '/upload', ':method': 'PUT', 'content-length': 9 }, 'contents\n');
  await exchange(session, { ':path': '/empty', ':method': 'HEAD' });
  await exchange(session, { ':path': '/fails' });
  await exchange(session, { ':path': '/secret', authorization: 'Basic bm90OnNlY3JldA==',
                            [http2.sensitiveHeaders]: ['authorization'] });
  await exchange(session, { ':method': 'CONNECT', ':authority': 'example.test:443' }, 'through the tunnel\n');
  await exchange(session, { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/chat',
                            ':authority': 'example.test', 'sec-websocket-version': '13' }, Buffer.from('810568656c6c6f', 'hex'));
  session.settings({ initialWindowSize: 100000 });
  await new Promise((done) => session.close(done));
  session = connect();
  session.on('goaway', () => session.destroy());
  await exchange(session, { ':path': '/enough' });
}

main();
