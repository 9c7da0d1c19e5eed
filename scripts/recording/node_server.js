// An HTTP/2 server that uses what node offers: 1xx, push, trailers, ALTSVC, ORIGIN, CONNECT, resets, GOAWAY with debug data.
'use strict';
const http2 = require('http2');
const net = require('net');
const { constants } = http2;
const port = Number(process.argv[2]);

const server = http2.createServer({
  paddingStrategy: constants.PADDING_STRATEGY_ALIGNED,
  settings: { enableConnectProtocol: true, maxConcurrentStreams: 20, maxHeaderListSize: 16384 },
});

server.on('session', (session) => {
  session.origin('https://example.test', 'https://www.example.test');
  session.altsvc('h2="alt.example.test:8443"; ma=60', 'https://example.test');
});

const pages = {
  '/page': (stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload; as=style' });
    stream.pushStream({ ':path': '/style.css' }, (error, push) => {
      push.respond({ ':status': 200, 'content-type': 'text/css' });
      push.end('p { color: green }\n');
    });
    stream.pushStream({ ':path': '/unwanted.js' }, (error, push) => {
      push.on('error', () => {});
      push.respond({ ':status': 200, 'content-type': 'text/javascript' });
      push.write('// the client cancels this one\n');
    });
    stream.respond({ ':status': 200, 'content-type': 'text/html', 'set-cookie': ['a=1', 'b=2'] });
    stream.end('<!doctype html><title>Example</title>\n');
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ checksum: '1a2b3c' }));
    stream.end('with trailers\n');
  },
  '/upload': (stream) => {
    stream.additionalHeaders({ ':status': 100 });
    stream.respond({ ':status': 201, location: '/uploads/1' });
    stream.pipe(stream);
  },
  '/empty': (stream) => stream.respond({ ':status': 204 }, { endStream: true }),
  '/fails': (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  '/secret': (stream) => {
    stream.respond({ ':status': 401, 'www-authenticate': 'Basic realm="example"',
                     [http2.sensitiveHeaders]: ['www-authenticate'] }, { endStream: true });
  },
  '/enough': (stream) => {
    stream.respond({ ':status': 429 }, { endStream: true });
    stream.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, stream.id, Buffer.from('too many requests'));
  },
};

server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] === 'CONNECT') {
    stream.respond({ ':status': 200 });
    stream.pipe(stream);
  } else {
    (pages[headers[':path']] || pages['/empty'])(stream);
  }
});

server.listen(port, '127.0.0.1');
