/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for one case, made by the openssl command in a directory of its own. */
#pragma once

/* An authority "ca", and by it "server" (localhost, 127.0.0.1) and "client". */
void pki_open(void);
void pki_close(void);
/* Makes NAME.pem and NAME.key anew; the authority's own name makes a strange one. */
void pki_issue(const char *name, const char *authority);
void pki_authority(const char *name);
/* Its path, valid until the eighth call from now. */
const char *pki_path(const char *file);
