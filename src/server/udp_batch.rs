//! UDP in batches on Linux: one `recvmmsg` takes what has come, one `sendmmsg` answers it.
//!
//! ```text
//!   slot:  iovec | peer's address | control message | packet        the kernel writes all but the iovec
//!                      ▲                  ▲
//!   reply header ──────┘──────────────────┘──▶ bytes in `replies`    where it came from is where it goes to
//! ```
//!
//! The control message says to which of our addresses the query was sent (`IP_PKTINFO`, RFC 3542 §6.1), and the same
//! message, sent back, makes that the source of the reply: a client drops a reply from any other (RFC 2181 §4.1). A
//! socket that is bound to one address needs neither and asks for neither.
//!
//! This is the one module with `unsafe`, because neither std nor socket2 has these calls, rustix has one of the two, and
//! nix sends one control message with all packets.
//!
//! Hot path: no allocation after the first batches; only the slots that were used are written to again.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::answer::QUERY_LEN_MAX;
use super::udp::{Datagrams, REPLIES_LEN_MAX, Received};

/// Packets a batch. A larger one has shown no gain that could be measured, and costs memory for each worker.
const BATCH_LEN: usize = 32;
const NAME_LEN: usize = size_of::<libc::sockaddr_in6>();
/// `CMSG_SPACE` of the larger of the two control messages, `in6_pktinfo`.
// SAFETY: computes a length and touches no memory.
const CONTROL_LEN: usize = unsafe { libc::CMSG_SPACE(size_of::<libc::in6_pktinfo>() as u32) } as usize;

/// A socket with the memory of one batch.
pub(super) struct Batch {
    socket: Arc<UdpSocket>,
    bound: SocketAddr,
    control_len: usize,
    slots: Slots,
    headers: Box<[libc::mmsghdr]>,
    /// How many headers the kernel has written to since they were last made ready.
    used: usize,
    addresses: Box<[(SocketAddr, SocketAddr)]>,
    reply_headers: Box<[libc::mmsghdr]>,
    reply_iovecs: Box<[libc::iovec]>,
    queued: Vec<Queued>,
    replies: Vec<u8>,
}

/// Where a reply goes that is sent later.
#[derive(Clone, Copy)]
pub(super) struct Route {
    name: libc::sockaddr_in6,
    name_len: libc::socklen_t,
    control: Control,
    control_len: ControlLen,
}

struct Queued {
    slot: usize,
    start: usize,
    end: usize,
}

/// What `msg_controllen` is.
#[cfg(not(target_env = "musl"))]
type ControlLen = libc::size_t;
#[cfg(target_env = "musl")]
type ControlLen = libc::socklen_t;

/// Aligned as a `cmsghdr` has to be.
type Control = [u64; CONTROL_LEN.div_ceil(8)];

/// Its size is no multiple of 4096, so that the beginnings of the packets do not share a few sets of the cache.
#[repr(C)]
struct Slot {
    iovec: libc::iovec,
    /// Takes a `sockaddr_in` as well, which is shorter.
    name: libc::sockaddr_in6,
    control: Control,
    packet: [u8; QUERY_LEN_MAX],
}

/// The memory that the kernel is given pointers into. It is reached through raw pointers alone, so that no reference
/// ever claims what the headers point to.
struct Slots(NonNull<Slot>);

// SAFETY: the raw pointers in the headers point into memory that this value owns and that no other value knows.
unsafe impl Send for Batch {}

// === impl Batch ===

impl Batch {
    /// Makes ready to receive on `socket`, which blocks.
    ///
    /// # Errors
    /// The kernel does not say to which address packets were sent.
    pub(super) fn new(socket: Arc<UdpSocket>) -> io::Result<Self> {
        let bound = socket.local_addr()?;
        let control_len = if bound.ip().is_unspecified() {
            ask_for_destination(&socket, bound)?;
            CONTROL_LEN
        } else {
            0
        };
        let slots = Slots::new();
        let headers = (0..BATCH_LEN).map(|index| slots.header(index, control_len)).collect();
        Ok(Self {
            socket,
            bound,
            control_len,
            slots,
            headers,
            used: 0,
            addresses: vec![(bound, bound); BATCH_LEN].into(),
            reply_headers: (0..BATCH_LEN).map(|_| empty_header()).collect(),
            reply_iovecs: vec![libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH_LEN].into(),
            queued: Vec::with_capacity(BATCH_LEN),
            replies: Vec::with_capacity(BATCH_LEN * 256),
        })
    }

    /// Notes the addresses of a slot and makes its control message fit to be sent back. `None` when no datagram is in
    /// it, which is what a receive on a socket that is shut down gives.
    fn note(&mut self, slot: usize) -> Option<()> {
        let header = &mut self.headers[slot].msg_hdr;
        if header.msg_namelen == 0 {
            return None;
        }
        // SAFETY: the slot is allocated and initialised, and the kernel is done with it.
        let name = unsafe { (*self.slots.at(slot)).name };
        let peer = read_name(&name)?;
        let mut local = self.bound;
        if let Some(address) = take_destination(header) {
            local.set_ip(address);
        }
        self.addresses[slot] = (peer, SocketAddr::new(local.ip().to_canonical(), local.port()));
        Some(())
    }
}

impl Datagrams for Batch {
    type Route = Route;

    const BATCH_LEN: usize = BATCH_LEN;

    fn receive(&mut self) -> io::Result<Received> {
        for header in &mut self.headers[..self.used] {
            header.msg_hdr.msg_namelen = NAME_LEN as libc::socklen_t;
            header.msg_hdr.msg_controllen = self.control_len as _;
            header.msg_hdr.msg_flags = 0;
        }
        self.used = 0;
        // Replies that a panic has left here would go to whoever is in their slots now.
        self.queued.clear();
        self.replies.clear();
        let count = loop {
            // SAFETY: there are `BATCH_LEN` headers, and all that they point to is in `slots`, with the lengths that
            // they say; nothing refers to it during the call.
            let count = unsafe {
                libc::recvmmsg(
                    self.socket.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    BATCH_LEN as libc::c_uint,
                    libc::MSG_WAITFORONE as _,
                    ptr::null_mut(),
                )
            };
            match usize::try_from(count) {
                Ok(count) => break count,
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        };
        self.used = count;
        // Behind the end of the queue nothing follows, so that what is before it is the whole batch.
        let packets = (0..count).take_while(|slot| self.note(*slot).is_some()).count();
        Ok(if packets == 0 { Received::End } else { Received::Packets(packets) })
    }

    fn packet(&self, slot: usize) -> &[u8] {
        let length = (self.headers[slot].msg_len as usize).min(QUERY_LEN_MAX);
        // SAFETY: the slot is allocated and initialised; the kernel writes to it only in `receive`, which takes `self`
        // mutably, and nothing else does.
        unsafe { std::slice::from_raw_parts((&raw const (*self.slots.at(slot)).packet).cast::<u8>(), length) }
    }

    fn addresses(&self, slot: usize) -> (SocketAddr, SocketAddr) {
        self.addresses[slot]
    }

    fn queue(&mut self, slot: usize, reply: &[u8]) -> usize {
        let start = self.replies.len();
        self.replies.extend_from_slice(reply);
        self.queued.push(Queued { slot, start, end: self.replies.len() });
        if self.replies.len() > REPLIES_LEN_MAX { self.flush() } else { 0 }
    }

    fn flush(&mut self) -> usize {
        let replies = self.replies.as_mut_ptr();
        let iovecs = self.reply_iovecs.as_mut_ptr();
        let count = self.queued.len().min(BATCH_LEN);
        for (index, queued) in self.queued.iter().take(count).enumerate() {
            let received = &self.headers[queued.slot].msg_hdr;
            let header = &mut self.reply_headers[index].msg_hdr;
            // SAFETY: `index` is below the length of `reply_iovecs`, and `start..end` is a range of `replies`, which
            // does not grow before the call below.
            unsafe {
                *iovecs.add(index) = libc::iovec {
                    iov_base: replies.add(queued.start).cast(),
                    iov_len: queued.end - queued.start,
                };
                header.msg_iov = iovecs.add(index);
            }
            header.msg_iovlen = 1;
            header.msg_name = received.msg_name;
            header.msg_namelen = received.msg_namelen;
            header.msg_control = received.msg_control;
            header.msg_controllen = received.msg_controllen;
        }
        let mut at = 0;
        let mut unsent = 0;
        while at < count {
            // SAFETY: the headers from `at` to `count` were filled above; what they point to is in `slots`, in
            // `reply_iovecs` and in `replies`, and nothing writes there during the call.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    self.reply_headers.as_mut_ptr().add(at),
                    (count - at) as libc::c_uint,
                    0,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => at += sent,
                _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                // The first of them cannot be sent: its route is gone (EHOSTUNREACH, EINVAL), a queue is full (ENOBUFS),
                // a rule forbids it (EPERM). That is no reason to keep the rest.
                _ => {
                    at += 1;
                    unsent += 1;
                }
            }
        }
        self.queued.clear();
        self.replies.clear();
        unsent
    }

    fn route(&self, slot: usize) -> Route {
        let received = &self.headers[slot].msg_hdr;
        let slot = self.slots.at(slot);
        // SAFETY: the slot is allocated and initialised, and the kernel is done with it.
        let (name, control) = unsafe { ((*slot).name, (*slot).control) };
        Route { name, name_len: received.msg_namelen, control, control_len: received.msg_controllen }
    }

    fn send(socket: &UdpSocket, route: &Route, reply: &[u8]) -> io::Result<()> {
        let mut route = *route;
        let mut iovec = libc::iovec { iov_base: reply.as_ptr().cast_mut().cast(), iov_len: reply.len() };
        let mut header = empty_header().msg_hdr;
        header.msg_name = (&raw mut route.name).cast();
        header.msg_namelen = route.name_len;
        header.msg_iov = &raw mut iovec;
        header.msg_iovlen = 1;
        if route.control_len > 0 {
            header.msg_control = (&raw mut route.control).cast();
            header.msg_controllen = route.control_len;
        }
        loop {
            // A runtime's thread must not block: a reply that the socket has no room for is lost, as on the network.
            // SAFETY: all that the header points to lives on this stack or in `reply`, with the lengths that it says;
            // the kernel only reads it.
            let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
            if sent >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

/// Asks for `IP_PKTINFO` or, on a socket that may take both families, `IPV6_PKTINFO`, which then holds IPv4 addresses in
/// their mapped form.
fn ask_for_destination(socket: &UdpSocket, bound: SocketAddr) -> io::Result<()> {
    let (level, option) = match bound {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    let on: libc::c_int = 1;
    // SAFETY: the value is an int, as both options take, and lives through the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The address that the kernel has written.
fn read_name(name: &libc::sockaddr_in6) -> Option<SocketAddr> {
    let port = u16::from_be(name.sin6_port);
    match libc::c_int::from(name.sin6_family) {
        // `sockaddr_in` has its port where `sockaddr_in6` has it, and its address where the other has the flow.
        libc::AF_INET => {
            let address = Ipv4Addr::from(name.sin6_flowinfo.to_ne_bytes());
            Some(SocketAddr::V4(SocketAddrV4::new(address, port)))
        }
        libc::AF_INET6 => {
            let address = Ipv6Addr::from(name.sin6_addr.s6_addr);
            Some(match address.to_ipv4_mapped() {
                Some(address) => SocketAddr::V4(SocketAddrV4::new(address, port)),
                None => SocketAddr::V6(SocketAddrV6::new(address, port, 0, name.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

/// The address that the packet was sent to, out of its control message. The interface is taken out of the message, so
/// that the reply goes the way that the routes say, unless the address means nothing without it (link-local).
fn take_destination(header: &mut libc::msghdr) -> Option<IpAddr> {
    if header.msg_controllen == 0 {
        return None;
    }
    // SAFETY: `msg_control` points to `CONTROL_LEN` octets of the slot of which the kernel has written the first
    // `msg_controllen`, and `CMSG_FIRSTHDR` gives null unless a whole `cmsghdr` is there. `cmsg_len` is compared with
    // what is read behind it before that is read or written.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        if message.is_null() {
            return None;
        }
        let length = (*message).cmsg_len as usize;
        match ((*message).cmsg_level, (*message).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO)
                if length >= libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as usize =>
            {
                let data = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>();
                let mut info = data.read_unaligned();
                info.ipi_ifindex = 0;
                data.write_unaligned(info);
                Some(IpAddr::V4(Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes())))
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)
                if length >= libc::CMSG_LEN(size_of::<libc::in6_pktinfo>() as u32) as usize =>
            {
                let data = libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>();
                let mut info = data.read_unaligned();
                let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                if !address.is_unicast_link_local() {
                    info.ipi6_ifindex = 0;
                    data.write_unaligned(info);
                }
                Some(IpAddr::V6(address))
            }
            _ => None,
        }
    }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: lengths of zero and null pointers are what C's zeroed `mmsghdr` is.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

// === impl Slots ===

impl Slots {
    fn layout() -> Layout {
        // The product is a small constant: it cannot overflow.
        Layout::array::<Slot>(BATCH_LEN).unwrap_or(Layout::new::<Slot>())
    }

    /// Zeroed memory, of which the system gives the pages that are used.
    fn new() -> Self {
        let layout = Self::layout();
        // SAFETY: the layout has a size. Zeroes are a value of `Slot`: integers, arrays of them, and a null pointer.
        match NonNull::new(unsafe { alloc_zeroed(layout) }.cast::<Slot>()) {
            Some(slots) => Self(slots),
            None => handle_alloc_error(layout),
        }
    }

    fn at(&self, index: usize) -> *mut Slot {
        assert!(index < BATCH_LEN, "a batch has {BATCH_LEN} slots");
        // SAFETY: `BATCH_LEN` slots are allocated.
        unsafe { self.0.as_ptr().add(index) }
    }

    /// A header that receives into this slot.
    fn header(&self, index: usize, control_len: usize) -> libc::mmsghdr {
        let slot = self.at(index);
        let mut header = empty_header();
        // SAFETY: the slot is allocated; taking the place of a field does not read it.
        unsafe {
            (*slot).iovec =
                libc::iovec { iov_base: (&raw mut (*slot).packet).cast(), iov_len: QUERY_LEN_MAX };
            header.msg_hdr.msg_iov = &raw mut (*slot).iovec;
            header.msg_hdr.msg_name = (&raw mut (*slot).name).cast();
            if control_len > 0 {
                header.msg_hdr.msg_control = (&raw mut (*slot).control).cast();
            }
        }
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_namelen = NAME_LEN as libc::socklen_t;
        header.msg_hdr.msg_controllen = control_len as _;
        header
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; the kernel holds no pointer outside of the calls above.
        unsafe { dealloc(self.0.as_ptr().cast(), Self::layout()) }
    }
}
