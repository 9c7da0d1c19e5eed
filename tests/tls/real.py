"""curl against nghttpd and nginx through the relay of peers.py: NAME.pcap, NAME.keys, and what nghttpd logged."""

import os
import shutil
import socket
import subprocess
import time

import peers

PAGES = ['/', '/page-1', '/page-2', '/none']


def missing(server):
    """The first program that is not there, or None."""
    return next((name for name in ('curl', server) if shutil.which(name) is None), None)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def documents(lab):
    folder = lab / 'www'
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(('index.html', 'page-1', 'page-2')):
        (folder / name).write_text(f'page {i}\n' * 400 * (i + 1))
    return folder


def nghttpd(lab, name, port):
    log = open(lab / f'{name}.nghttpd.log', 'wb')
    return subprocess.Popen(['nghttpd', '-v', '-d', documents(lab), str(port), 'ec.pem', 'ec.pem'], cwd=lab,
                            stdout=log, stderr=subprocess.STDOUT)


def nginx(lab, name, port):
    (lab / f'{name}.conf').write_text(f'''
daemon off; master_process off; pid {lab}/{name}.pid; error_log {lab}/{name}.errors;
events {{ worker_connections 64; }}
http {{ access_log off;
  client_body_temp_path {lab}/t1; proxy_temp_path {lab}/t2; fastcgi_temp_path {lab}/t3; uwsgi_temp_path {lab}/t4;
  scgi_temp_path {lab}/t5;
  server {{ listen 127.0.0.1:{port} ssl http2; root {documents(lab)};
    ssl_certificate ec.pem; ssl_certificate_key ec.pem; ssl_protocols TLSv1.2 TLSv1.3; }} }}
''')
    return subprocess.Popen(['nginx', '-e', f'{lab}/{name}.errors', '-p', lab, '-c', f'{lab}/{name}.conf'], cwd=lab,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


SERVERS = {'nghttpd': nghttpd, 'nginx': nginx}


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.02)


def converse(lab, name, server, version):
    """One connection of several requests. Returns what a decoder should say of it, or None: it did not come about."""
    port = free_port()
    child = SERVERS[server](lab, name, port)
    try:
        wait_for(port)
        relay = peers.Relay(port)
        relay.start()
        done = subprocess.run(['curl', '-sk', '--http2', f'--tlsv{version}', '--tls-max', version, '--noproxy', '*', '--max-time', '5',
                               '--connect-to', f'example.test:{relay.port}:127.0.0.1:{relay.port}',
                               *[f'https://example.test:{relay.port}{page}' for page in PAGES]], timeout=30, stdout=subprocess.DEVNULL,
                              env={**os.environ, 'SSLKEYLOGFILE': str(lab / f'{name}.keys')})
        relay.join(2)
    finally:
        child.terminate()
        child.wait()
    if done.returncode != 0 or not relay.passed:
        return None
    peers.write_pcap(lab / f'{name}.pcap', peers.packets(relay.passed, 40000))
    return {'version': f'TLS {version}'}
