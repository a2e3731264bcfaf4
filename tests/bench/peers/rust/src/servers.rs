// SPDX-License-Identifier: MIT
use crate::two_workers;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    println!("listening on 127.0.0.1:{port} (backend tokio, workers 2)");
    listener
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn echo(mut stream: TcpStream) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut bytes).await {
        if stream.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

// Accepting is a task of its own: what block_on() runs is on no worker.
pub fn serve_echo() {
    let accepting = async {
        let listener = listen().await;
        loop {
            tokio::spawn(echo(accept(&listener).await));
        }
    };
    two_workers().block_on(async { tokio::spawn(accepting).await.unwrap() });
}

async fn greet(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response =
        Response::new(Full::new(Bytes::from_static(b"Hello from a task of libzio.\n")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}

pub fn serve_http() {
    let accepting = async {
        let listener = listen().await;
        loop {
            let io = TokioIo::new(accept(&listener).await);
            tokio::spawn(async move {
                let _ = http1::Builder::new().serve_connection(io, service_fn(greet)).await;
            });
        }
    };
    two_workers().block_on(async { tokio::spawn(accepting).await.unwrap() });
}
