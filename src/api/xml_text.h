/* Text that goes into XML. */
#ifndef API_XML_TEXT_H
#define API_XML_TEXT_H

#include "base/buf.h"

/* Appends a NUL-terminated string as element content or attribute value. What XML cannot hold
 * (control characters, bytes that are no UTF-8) becomes U+FFFD, so the document stays well-formed
 * whatever a guest calls its processes. */
int xml_put_text(struct buf *out, const char *s);

#endif
