// Requests and responses whose fields vary all the time, so that the HPACK tables churn.
//     node churn.js server PORT        node churn.js client PORT CONNECTIONS REQUESTS
'use strict';
const http2 = require('http2');
const [role, port, connections, requests] = process.argv.slice(2);

// A small generator with a fixed seed: every run sends the same fields.
let state = 0x2545f491;
function random(limit) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}
const hex = (digits) => Array.from({ length: digits }, () => random(16).toString(16)).join('');
const words = ['account', 'basket', 'catalogue', 'delivery', 'example', 'font', 'gallery', 'home', 'image', 'journal'];
const word = () => words[random(words.length)];

function request() {
  return {
    ':path': `/${word()}/${word()}/${random(100000)}?session=${hex(16)}&page=${random(50)}`,
    'user-agent': `example-browser/${random(5)}.0 (X11; Linux x86_64)`,
    'accept': '*/*',
    'accept-language': 'en-GB,en;q=0.9',
    'cookie': `sid=${hex(32)}; theme=${word()}; visits=${random(1000)}`,
    'authorization': `Bearer ${hex(40)}.${hex(60)}`,
    'x-request-id': `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`,
    'traceparent': `00-${hex(32)}-${hex(16)}-01`,
    'referer': `https://example.test/${word()}/${random(1000)}`,
  };
}

function response() {
  return {
    ':status': random(20) ? 200 : 404,
    'content-type': random(3) ? 'application/json' : 'text/html; charset=utf-8',
    'etag': `"${hex(20)}"`,
    'cache-control': `private, max-age=${random(3600)}`,
    'x-trace': hex(32),
    'server-timing': `db;dur=${random(1000) / 10}, app;dur=${random(2000) / 10}`,
    'set-cookie': `sid=${hex(32)}; path=/; httponly`,
    'vary': 'accept-encoding, cookie',
  };
}

function serve() {
  const server = http2.createServer();
  server.on('stream', (stream) => {
    stream.respond(response());
    stream.end('{"ok":true}');
  });
  server.listen(Number(port), '127.0.0.1');
}

function ask() {
  let left = Number(requests);
  for (let i = 0; i < Number(connections); i++) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const next = () => {
      if (left-- <= 0) {
        session.close();
        return;
      }
      const stream = session.request(request());
      stream.on('close', next);
      stream.resume();
    };
    for (let j = 0; j < 10; j++) {
      next();
    }
  }
}

if (role === 'server') {
  serve();
} else {
  ask();
}
