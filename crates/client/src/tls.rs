//! TLS beneath the HTTP client, with our own say in which certificate is trusted. The one place that touches ureq's
//! transport traits, which may change with any of its releases.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use crate::certificate::{self, Distrust};
use crate::error::Error;
use crate::known::Known;
use crate::servers::Server;
use crate::trust::{Fingerprint, ServerTrust};

/// Wraps connections to one server in TLS.
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    known: Option<Known>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({:?})", self.name)
    }
}

impl Tls {
    pub(crate) fn new(server: &Server, trust: &ServerTrust) -> Result<Self, Error> {
        let name = ServerName::try_from(server.host.clone())
            .map_err(|_| Error::Local(format!("`{}` is not the name of a host", server.host)))?;
        let known = match trust {
            ServerTrust::KnownServers(path) => Some(Known::new(Path::new(path), server)),
            _ => None,
        };
        Ok(Self { config: Arc::new(certificate::config(trust, server)?), name, known })
    }

    /// The handshake is done, so the server has the certificate's key.
    fn remember(&self, connection: &ClientConnection) -> Result<(), Distrust> {
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        match (&self.known, shown) {
            (Some(known), Some(shown)) => {
                known.remember(Fingerprint::of(shown)).map_err(|error| Distrust::unmemorable(known, &error))
            }
            _ => Ok(()),
        }
    }
}

fn distrust(distrust: Distrust) -> ureq::Error {
    ureq::Error::Other(Box::new(distrust))
}

/// Tells a certificate that is refused from a connection that broke.
fn failed(error: io::Error) -> ureq::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls.and_then(Distrust::found) {
        Some(found) => distrust(found),
        None => error.into(),
    }
}

impl<In: Transport> Connector<In> for Tls {
    type Out = TlsTransport;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<TlsTransport>, ureq::Error> {
        let Some(transport) = chained else { return Ok(None) };
        let mut connection = ClientConnection::new(self.config.clone(), self.name.clone())
            .map_err(|error| ureq::Error::Other(Box::new(error)))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket).map_err(failed)?;
        self.remember(&connection).map_err(distrust)?;
        let settings = details.config;
        let buffers = LazyBuffers::new(settings.input_buffer_size(), settings.output_buffer_size());
        Ok(Some(TlsTransport { buffers, stream: StreamOwned::new(connection, socket) }))
    }
}

/// A connection in TLS.
pub(crate) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}
