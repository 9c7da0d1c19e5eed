#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *rng, uint32_t n)
{
    return (uint32_t)((rng_next(rng) >> 32) * n >> 32);
}

bool rng_once_in(struct rng *rng, uint32_t n)
{
    return n != 0 && rng_below(rng, n) == 0;
}

static void *grow(void *ptr, size_t *cap, size_t want, size_t size)
{
    if (ptr != NULL && want <= *cap) {
        return ptr;
    }
    *cap = want * 2 + 64;
    void *grown = realloc(ptr, *cap * size);
    if (grown == NULL) {
        abort();
    }
    return grown;
}

void octets_put(struct octets *o, const void *ptr, size_t len)
{
    o->ptr = grow(o->ptr, &o->cap, o->len + len, 1);
    if (len > 0) {
        memcpy(o->ptr + o->len, ptr, len);
    }
    o->len += len;
}

void octets_u8(struct octets *o, unsigned value)
{
    uint8_t b = (uint8_t)value;
    octets_put(o, &b, 1);
}

void octets_u16(struct octets *o, uint32_t value)
{
    octets_u8(o, value >> 8 & 0xff);
    octets_u8(o, value & 0xff);
}

void octets_u32(struct octets *o, uint32_t value)
{
    octets_u16(o, value >> 16);
    octets_u16(o, value & 0xffff);
}

void octets_frame_hd(uint8_t *at, size_t length, unsigned type, unsigned flags, uint32_t stream)
{
    at[0] = (uint8_t)(length >> 16);
    at[1] = (uint8_t)(length >> 8);
    at[2] = (uint8_t)length;
    at[3] = (uint8_t)type;
    at[4] = (uint8_t)flags;
    for (int i = 0; i < 4; i++) {
        at[5 + i] = (uint8_t)(stream >> (24 - 8 * i));
    }
}

void script_free(struct script *script)
{
    free(script->octets.ptr);
    free(script->locals);
    free(script->steps);
    memset(script, 0, sizeof *script);
}

struct local *script_add_local(struct script *script, enum local_kind kind)
{
    script->locals =
        grow(script->locals, &script->local_cap, script->local_count + 1, sizeof *script->locals);
    struct local *local = &script->locals[script->local_count++];
    memset(local, 0, sizeof *local);
    local->kind = kind;
    local->at = script->octets.len;
    return local;
}

/* Length of the frame at p, at most what is left. */
static size_t frame_len(const uint8_t *p, size_t left)
{
    if (left < H2_FRAME_HEADER_LEN) {
        return left;
    }
    size_t len = H2_FRAME_HEADER_LEN + (size_t)num_be24(p);
    return len < left ? len : left;
}

/* Length of the unit at p. */
static size_t unit_len(const uint8_t *p, size_t left)
{
    size_t len = frame_len(p, left);
    if (left < H2_FRAME_HEADER_LEN || (p[3] != H2_HEADERS && p[3] != H2_PUSH_PROMISE)) {
        return len;
    }
    uint8_t flags = p[4];
    uint32_t stream = num_be32(p + 5) & 0x7fffffffu;
    while (!(flags & 0x4) && len < left) {
        const uint8_t *next = p + len;
        size_t next_left = left - len;
        len += frame_len(next, next_left);
        if (next_left < H2_FRAME_HEADER_LEN || next[3] != H2_CONTINUATION ||
            (num_be32(next + 5) & 0x7fffffffu) != stream) {
            break;
        }
        flags = next[4];
    }
    return len;
}

void script_make_steps(struct script *script)
{
    size_t cap = 0, at = 0, next_local = 0;
    script->step_count = 0;
    free(script->steps);
    script->steps = NULL;
    for (;;) {
        script->steps = grow(script->steps, &cap, script->step_count + 1, sizeof *script->steps);
        struct step *step = &script->steps[script->step_count];
        memset(step, 0, sizeof *step);
        if (next_local < script->local_count && script->locals[next_local].at <= at) {
            step->is_local = true;
            step->local = script->locals[next_local++];
        } else if (at < script->octets.len) {
            size_t left = script->octets.len - at;
            bool preface =
                at == 0 && script->role == H2_ROLE_SERVER && script->options.check_preface;
            step->off = at;
            step->len = preface ? (left < H2_PREFACE_LEN ? left : H2_PREFACE_LEN)
                                : unit_len(script->octets.ptr + at, left);
            at += step->len;
        } else if (next_local < script->local_count) {
            script->locals[next_local].at = at;
            continue;
        } else {
            return;
        }
        script->step_count++;
    }
}

bool step_frame(const struct script *script, const struct step *step, struct h2_frame_hd *hd)
{
    if (step->is_local || step->len < H2_FRAME_HEADER_LEN ||
        memcmp(script->octets.ptr + step->off, "PRI ", 4) == 0) {
        return false;
    }
    const uint8_t *p = script->octets.ptr + step->off;
    memset(hd, 0, sizeof *hd);
    hd->length = num_be24(p);
    hd->type = p[3];
    hd->raw_flags = hd->flags = p[4];
    hd->stream_id = num_be32(p + 5) & 0x7fffffffu;
    return true;
}

static const char *const local_names[] = {
    "SETTINGS", "request",       "response", "DATA",    "push",  "RST_STREAM",
    "GOAWAY",   "WINDOW_UPDATE", "PING",     "upgrade", "drain",
};

void step_print(FILE *out, const struct script *script, size_t index)
{
    const struct step *step = &script->steps[index];
    if (step->is_local) {
        const struct local *l = &step->local;
        fprintf(out, "step %zu: local %s stream %u value %u%s%s%s%s", index, local_names[l->kind],
                l->stream, l->value, l->method != NULL ? " " : "",
                l->method != NULL ? l->method : "", l->end_stream ? " END_STREAM" : "",
                l->has_protocol ? " :protocol" : "");
        for (size_t i = 0; i < l->setting_count; i++) {
            fprintf(out, " %u=%u", l->settings[i].id, l->settings[i].value);
        }
        fprintf(out, "\n");
        return;
    }
    fprintf(out, "step %zu: %zu octets ", index, step->len);
    for (size_t i = 0; i < step->len && i < 4096; i++) {
        fprintf(out, "%02x", script->octets.ptr[step->off + i]);
    }
    fprintf(out, "%s\n", step->len > 4096 ? "…" : "");
}
