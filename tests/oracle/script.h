/* What both sides of the differential test are put through: octets of a peer, cut into units, and
 * between them what the local endpoint does. Made by generate.h from a seed; run by reference.h
 * (libnghttp2) and subject.h (our session). Knows neither of them. */
#ifndef H2DUMP_TESTS_ORACLE_SCRIPT_H
#define H2DUMP_TESTS_ORACLE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "h2/frames.h"
#include "h2/session.h"

/* A random number generator whose sequence is the same on every machine (splitmix64). */
struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *rng);
/* 0 … n - 1. */
uint32_t rng_below(struct rng *rng, uint32_t n);
/* True once in n times; never when n is 0. */
bool rng_once_in(struct rng *rng, uint32_t n);

/* Octets that grow. */
struct octets {
    uint8_t *ptr;
    size_t len, cap;
};

void octets_put(struct octets *o, const void *ptr, size_t len);
void octets_u8(struct octets *o, unsigned value);
void octets_u16(struct octets *o, uint32_t value);
void octets_u32(struct octets *o, uint32_t value);
/* Overwrites the 9 octets of a frame header at offset at. */
void octets_frame_hd(uint8_t *at, size_t length, unsigned type, unsigned flags, uint32_t stream);

/* What the local endpoint does between two units. */
enum local_kind {
    LOCAL_SETTINGS,
    LOCAL_REQUEST,  /* stream ids are given by the endpoint: 1, 3, … */
    LOCAL_RESPONSE, /* on stream */
    LOCAL_DATA,     /* value octets on stream */
    LOCAL_PUSH,     /* associated with stream */
    LOCAL_RST,      /* stream, value is the code */
    LOCAL_GOAWAY,   /* stream is the last id, value the code */
    LOCAL_WINDOW_UPDATE,
    LOCAL_PING,
    LOCAL_UPGRADE, /* before everything: stream 1 came from an HTTP/1.1 Upgrade */
    LOCAL_DRAIN,   /* nothing: only sends what is queued (undrained scripts) */
};

#define LOCAL_SETTINGS_MAX 6

struct local {
    enum local_kind kind;
    uint32_t stream, value;
    const char *method; /* LOCAL_REQUEST, LOCAL_PUSH, LOCAL_UPGRADE */
    bool end_stream, has_protocol;
    struct h2_setting settings[LOCAL_SETTINGS_MAX];
    size_t setting_count;
    size_t at; /* octets of the peer that come before it */
};

struct step {
    bool is_local;
    size_t off, len; /* octets of the unit */
    struct local local;
};

/* A callback that is told to return something else than 0. */
enum plan_kind {
    PLAN_BEGIN_HEADERS,
    PLAN_HEADER,
    PLAN_INVALID_HEADER,
    PLAN_DATA,
    PLAN_EXTENSION_CHUNK,
    PLAN_UNPACK,
    PLAN_KINDS,
};

struct plan {
    enum plan_kind kind;
    uint32_t ordinal; /* the how-many-th call of that callback, from 1; 0: no plan */
    int result;
};

#define SCRIPT_PLANS 3

struct script {
    uint64_t seed;
    enum h2_role role;
    struct h2_options options; /* of our session; the reference gets the same */
    bool no_closed_streams;    /* the reference forgets closed streams at once */
    bool undrained;            /* queues are sent at LOCAL_DRAIN only */
    struct plan plans[SCRIPT_PLANS];
    struct octets octets;
    struct local *locals; /* as generated, in order of at */
    size_t local_count, local_cap;
    struct step *steps; /* made by script_make_steps() */
    size_t step_count;
};

void script_free(struct script *script);
struct local *script_add_local(struct script *script, enum local_kind kind);

/* Cuts the octets into units (the preface; a frame; a frame that begins a field block with its
 * CONTINUATION frames, whatever ends it; the rest) and weaves the local actions in. */
void script_make_steps(struct script *script);

/* The step's unit is or holds a frame of this type: its header. */
bool step_frame(const struct script *script, const struct step *step, struct h2_frame_hd *hd);

void step_print(FILE *out, const struct script *script, size_t index);

#endif
