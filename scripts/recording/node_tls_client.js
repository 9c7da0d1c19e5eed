// GET over TLS, twice: the second connection resumes the session of the first. node_tls_client.js PORT
'use strict'
const http2 = require('http2')

let session

function visit(then) {
  const client = http2.connect(`https://127.0.0.1:${process.argv[2]}`,
    { rejectUnauthorized: false, servername: 'example.test', session })
  client.socket.on('session', (ticket) => { session = ticket })
  const request = client.request({ ':path': '/index.html', ':authority': 'example.test' })
  request.resume()
  request.on('close', () => setTimeout(() => client.close(then), 50))
  request.end()
}

visit(() => visit(() => {}))
