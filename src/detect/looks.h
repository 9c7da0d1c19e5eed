/* What the first octets of one side look like, by content alone. Pure. */
#ifndef H2DUMP_DETECT_LOOKS_H
#define H2DUMP_DETECT_LOOKS_H

#include "base/cursor.h"

enum look {
    LOOK_NONE,           /* nothing there yet, or too little to tell */
    LOOK_PREFACE,        /* the client preface */
    LOOK_SETTINGS,       /* a server's first SETTINGS; what follows it, if anything, fits */
    LOOK_HTTP1_REQUEST,  /* a method and a space */
    LOOK_HTTP1_RESPONSE, /* "HTTP/1." */
    LOOK_TLS,            /* a TLS record */
    LOOK_OTHER,          /* another protocol, by name */
    LOOK_STRANGE,        /* nothing known */
};

/* joined: the octets may begin anywhere in the connection. *name is set for LOOK_OTHER: a constant.
 * Never goes back from a decision when more octets are there, but that LOOK_SETTINGS may turn out
 * to be LOOK_STRANGE. */
enum look look_at(struct span octets, bool joined, const char **name);

/* True when the octets, however few, could be the beginning of the client preface. */
bool look_preface_prefix(struct span octets);

#endif
