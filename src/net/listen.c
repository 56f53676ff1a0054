/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "host:port" to listening sockets.
 *
 * "localhost" is 127.0.0.1 and ::1 whatever the resolver says; an empty host
 * is every address of both families.  A family that this machine does not
 * have is passed over as long as one socket remains; a port that is taken in
 * either family is an error, or else half of the clients would reach somebody
 * else.
 */
#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/server_impl.h"

#define BACKLOG         512
#define FREE_PORT_TRIES 20

struct endpoint {
	struct buf host;
	uint16_t port;
};

static int
endpoint_parse(struct endpoint *endpoint, const char *address, struct err *err)
{
	struct str whole = str_from(address), host, port;
	const char *colon = strrchr(address, ':');
	int64_t number;

	if (colon == NULL)
		return err_set(err, ERR_INVALID,
		    "listen address '%s': no port (write host:port or :port)",
		    address);
	host = str_make(address, (size_t)(colon - address));
	port = str_make(colon + 1, whole.n - host.n - 1);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_make(host.p + 1, host.n - 2);
	else if (memchr(host.p, ':', host.n) != NULL)
		return err_set(err, ERR_INVALID,
		    "listen address '%s': write an IPv6 address in brackets, "
		    "[::1]:9093",
		    address);
	if (!str_to_i64(port, &number) || number < 0 || number > UINT16_MAX)
		return err_set(err, ERR_INVALID,
		    "listen address '%s': '%.*s' is no port number", address,
		    STR_ARG(port));
	endpoint->port = (uint16_t)number;
	buf_put_str(&endpoint->host, host);
	return 0;
}

static void
set_port(struct sockaddr *address, uint16_t port)
{
	struct sockaddr_storage copy;

	/* Through a copy: a sockaddr may not be read as what it points at. */
	if (address->sa_family == AF_INET6) {
		memcpy(&copy, address, sizeof(struct sockaddr_in6));
		((struct sockaddr_in6 *)&copy)->sin6_port = htons(port);
		memcpy(address, &copy, sizeof(struct sockaddr_in6));
	} else {
		memcpy(&copy, address, sizeof(struct sockaddr_in));
		((struct sockaddr_in *)&copy)->sin_port = htons(port);
		memcpy(address, &copy, sizeof(struct sockaddr_in));
	}
}

static uint16_t
bound_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t n = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6
			 ? ((struct sockaddr_in6 *)&address)->sin6_port
			 : ((struct sockaddr_in *)&address)->sin_port);
}

/* The descriptor, or -errno. */
static int
open_one(const struct addrinfo *info)
{
	int fd = socket(
	    info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, saved;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	return -saved;
}

static bool
is_missing_family(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
	       error == EPROTONOSUPPORT;
}

static void
close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* One try at all addresses of the list; *ret_error is what stopped it. */
static int
open_all(const struct addrinfo *list, uint16_t port, int *fds, uint32_t max,
    int *ret_error)
{
	int n = 0;

	*ret_error = 0;
	for (const struct addrinfo *info = list; info != NULL && n < (int)max;
	     info = info->ai_next) {
		int fd;

		if (info->ai_family != AF_INET && info->ai_family != AF_INET6)
			continue;
		/* The second family takes the free port the first was given. */
		set_port(info->ai_addr,
		    port == 0 && n > 0 ? bound_port(fds[0]) : port);
		fd = open_one(info);
		if (fd >= 0) {
			fds[n++] = fd;
			continue;
		}
		*ret_error = -fd;
		if (!is_missing_family(-fd)) {
			close_all(fds, n);
			return 0;
		}
	}
	return n;
}

static int
describe(struct err *err, const char *address, int error)
{
	if (error == EADDRINUSE)
		return err_set(err, ERR_IO,
		    "listen on %s: address already in use (is another Tocsin "
		    "or Alertmanager running?)",
		    address);
	return err_set(err, ERR_IO, "listen on %s: %s", address,
	    error != 0 ? strerrordesc_np(error) : "no usable address");
}

/* The addresses of "localhost" do not depend on /etc/hosts. */
static int
resolve(const struct endpoint *endpoint, struct addrinfo **ret)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *six = NULL;
	int rc;

	if (!str_is(buf_str(&endpoint->host), "localhost"))
		return getaddrinfo(
		    endpoint->host.n > 0 ? endpoint->host.p : NULL, "0", &hints,
		    ret);
	rc = getaddrinfo("127.0.0.1", "0", &hints, ret);
	if (rc == 0 && getaddrinfo("::1", "0", &hints, &six) == 0)
		(*ret)->ai_next = six;
	return rc;
}

int
http_server_address_check(const char *address, struct err *err)
{
	struct endpoint endpoint = { 0 };
	int rc = endpoint_parse(&endpoint, address, err);

	buf_fini(&endpoint.host);
	return rc;
}

int
listen_open(const char *address, int *ret_fds, uint32_t max, uint16_t *ret_port,
    struct err *err)
{
	struct endpoint endpoint = { 0 };
	struct addrinfo *list = NULL;
	int n = endpoint_parse(&endpoint, address, err), error = 0;

	if (n < 0) {
		buf_fini(&endpoint.host);
		return n;
	}
	n = resolve(&endpoint, &list);
	if (n != 0) {
		n = err_set(
		    err, ERR_IO, "listen on %s: %s", address, gai_strerror(n));
		buf_fini(&endpoint.host);
		return n;
	}
	/* A free port of one family may be taken in the other: then draw again.
	 */
	for (int i = 0; i < FREE_PORT_TRIES; i++) {
		n = open_all(list, endpoint.port, ret_fds, max, &error);
		if (n > 0 || endpoint.port != 0 || error != EADDRINUSE)
			break;
	}
	freeaddrinfo(list);
	buf_fini(&endpoint.host);
	if (n == 0)
		return describe(err, address, error);
	*ret_port = bound_port(ret_fds[0]);
	return n;
}
