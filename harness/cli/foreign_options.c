// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/foreign_options.h"

#include <ctype.h>
#include <string.h>

/* A name may stand twice: the first of ours that the command has is meant. */
static const struct {
    const char *theirs, *ours;
} names[] = {
    {"guidance-scale", "cfg"},        {"guidance", "cfg"},              {"cfg-scale", "cfg"},
    {"scale", "cfg"},                 {"unconditional-guidance-scale", "cfg"},
    {"guidance-rescale", "cfg-rescale"},
    {"num-inference-steps", "steps"}, {"inference-steps", "steps"},     {"num-steps", "steps"},
    {"n-steps", "steps"},             {"ddim-steps", "steps"},          {"sampling-steps", "steps"},
    {"max-train-steps", "steps"},     {"num-train-steps", "steps"},
    {"scheduler", "sampler"},         {"sampler-name", "sampler"},      {"sampling-method", "sampler"},
    {"device", "backend"},            {"precision", "type"},            {"dtype", "type"},
    {"torch-dtype", "type"},          {"precision", "backend"},         {"dtype", "backend"},
    {"torch-dtype", "backend"},
    {"negative-prompt", "negative"},  {"neg-prompt", "negative"},       {"n-prompt", "negative"},
    {"num-images", "images"},         {"num-images-per-prompt", "images"}, {"n-samples", "images"},
    {"num-samples", "images"},        {"n-iter", "images"},             {"batch-count", "images"},
    {"num-images", "count"},          {"num-samples", "count"},         {"n-samples", "count"},
    {"output", "out"},                {"output-dir", "out"},            {"output-path", "out"},
    {"output-file", "out"},           {"outdir", "out"},                {"outfile", "out"},
    {"save-dir", "out"},              {"save-path", "out"},             {"o", "out"},
    {"image-width", "width"},         {"img-width", "width"},           {"w", "width"},
    {"image-height", "height"},       {"img-height", "height"},         {"h", "height"},
    {"resolution", "width"},          {"size", "width"},
    {"checkpoint", "model"},          {"ckpt", "model"},                {"ckpt-path", "model"},
    {"model-path", "model"},          {"model-id", "model"},            {"model-name", "model"},
    {"pretrained-model-name-or-path", "model"},
    {"prompt-file", "prompts"},       {"prompts-file", "prompts"},      {"from-file", "prompts"},
    {"captions", "prompts"},          {"caption-file", "prompts"},
    {"caption-column", "prompt-column"}, {"text-column", "prompt-column"},
    {"num-threads", "threads"},       {"num-workers", "threads"},       {"workers", "threads"},
    {"jobs", "threads"},              {"j", "threads"},                 {"n-threads", "threads"},
    {"ref", "reference"},             {"real", "reference"},            {"gt", "reference"},
    {"reference-dir", "reference"},   {"real-path", "reference"},       {"path2", "reference"},
    {"input2", "reference"},          {"dataset", "reference"},
    {"fake", "images"},               {"generated", "images"},          {"image-dir", "images"},
    {"images-dir", "images"},         {"fake-path", "images"},          {"path1", "images"},
    {"input1", "images"},             {"input", "images"},              {"input", "in"},
    {"metrics", "metric"},            {"batch-size", "batch"},          {"train-batch-size", "batch"},
    {"learning-rate", "rate"},        {"lr", "rate"},                   {"overwrite", "fresh"},
    {"force", "fresh"},               {"limit", "count"},               {"num-prompts", "count"},
    {"max-samples", "count"},         {"lowvram", "lean"},              {"medvram", "lean"},
    {"low-memory", "lean"},           {"latents", "from-latents"},      {"init-latents", "from-latents"},
    {"pretrained-unet", "unet"},      {"unet-path", "unet"},            {"preset", "recipe"},
};

static bool has_option(const cm_command *c, const char *name) {
    for (const cm_option *o = c->options; o && o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

const char *cm_foreign_option(const cm_command *c, const char *typed) {
    char plain[64];
    size_t n = 0;
    for (; typed[n] && n + 1 < sizeof plain; n++) plain[n] = typed[n] == '_' ? '-' : (char)tolower((unsigned char)typed[n]);
    plain[n] = '\0';
    for (const cm_option *o = c->options; o && o->name; o++)
        if (strcmp(o->name, plain) == 0) return o->name;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].theirs, plain) == 0 && has_option(c, names[i].ours)) return names[i].ours;
    return NULL;
}
