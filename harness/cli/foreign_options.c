// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/foreign_options.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A name may stand twice: the first of ours that the command has is meant. */
static const struct {
    const char *theirs, *ours;
} names[] = {
    {"guidance-scale", "cfg"},
    {"guidance", "cfg"},
    {"cfg-scale", "cfg"},
    {"scale", "cfg"},
    {"unconditional-guidance-scale", "cfg"},
    {"guidance-rescale", "cfg-rescale"},
    {"num-inference-steps", "steps"},
    {"inference-steps", "steps"},
    {"num-steps", "steps"},
    {"n-steps", "steps"},
    {"ddim-steps", "steps"},
    {"sampling-steps", "steps"},
    {"max-train-steps", "steps"},
    {"num-train-steps", "steps"},
    {"scheduler", "sampler"},
    {"sampler-name", "sampler"},
    {"sampling-method", "sampler"},
    {"device", "backend"},
    {"precision", "type"},
    {"dtype", "type"},
    {"torch-dtype", "type"},
    {"precision", "backend"},
    {"dtype", "backend"},
    {"torch-dtype", "backend"},
    {"negative-prompt", "negative"},
    {"neg-prompt", "negative"},
    {"n-prompt", "negative"},
    {"num-images", "images"},
    {"num-images-per-prompt", "images"},
    {"n-samples", "images"},
    {"num-samples", "images"},
    {"n-iter", "images"},
    {"batch-count", "images"},
    {"num-images", "count"},
    {"num-samples", "count"},
    {"n-samples", "count"},
    {"output", "out"},
    {"output-dir", "out"},
    {"output-path", "out"},
    {"output-file", "out"},
    {"outdir", "out"},
    {"outfile", "out"},
    {"save-dir", "out"},
    {"save-path", "out"},
    {"o", "out"},
    {"image-width", "width"},
    {"img-width", "width"},
    {"w", "width"},
    {"image-height", "height"},
    {"img-height", "height"},
    {"h", "height"},
    {"resolution", "width"},
    {"size", "width"},
    {"checkpoint", "model"},
    {"ckpt", "model"},
    {"ckpt-path", "model"},
    {"model-path", "model"},
    {"model-id", "model"},
    {"model-name", "model"},
    {"pretrained-model-name-or-path", "model"},
    {"prompt-file", "prompts"},
    {"prompts-file", "prompts"},
    {"from-file", "prompts"},
    {"captions", "prompts"},
    {"caption-file", "prompts"},
    {"caption-column", "prompt-column"},
    {"text-column", "prompt-column"},
    {"num-threads", "threads"},
    {"num-workers", "threads"},
    {"workers", "threads"},
    {"jobs", "threads"},
    {"j", "threads"},
    {"n-threads", "threads"},
    {"ref", "reference"},
    {"real", "reference"},
    {"gt", "reference"},
    {"reference-dir", "reference"},
    {"real-path", "reference"},
    {"path2", "reference"},
    {"input2", "reference"},
    {"dataset", "reference"},
    {"fake", "images"},
    {"generated", "images"},
    {"image-dir", "images"},
    {"images-dir", "images"},
    {"fake-path", "images"},
    {"path1", "images"},
    {"input1", "images"},
    {"input", "images"},
    {"input", "in"},
    {"metrics", "metric"},
    {"batch-size", "batch"},
    {"train-batch-size", "batch"},
    {"learning-rate", "rate"},
    {"lr", "rate"},
    {"overwrite", "fresh"},
    {"force", "fresh"},
    {"limit", "count"},
    {"num-prompts", "count"},
    {"max-samples", "count"},
    {"lowvram", "lean"},
    {"medvram", "lean"},
    {"low-memory", "lean"},
    {"latents", "from-latents"},
    {"init-latents", "from-latents"},
    {"pretrained-unet", "unet"},
    {"unet-path", "unet"},
    {"preset", "recipe"},
    {"fp16", "type"},
    {"bf16", "type"},
    {"half", "type"},
    {"fp16", "backend"},
    {"bf16", "backend"},
    {"half", "backend"},
    {"mixed-precision", "backend"},
    {"gpu", "backend"},
    {"cuda", "backend"},
    {"cpu", "backend"},
    {"max-steps", "steps"},
    {"denoise", "strength"},
    {"denoising-strength", "strength"},
    {"text", "prompt"},
    {"p", "prompt"},
    {"m", "model"},
    {"t", "threads"},
    {"vae-path", "vae"},
    {"save-stats", "save-statistics"},
    {"n", "count"},
};

/* What no option of ours means. command: whose; NULL: any. */
static const struct {
    const char *command, *theirs, *advice;
} advices[] = {
    {NULL, "quiet", "here it is -q"},
    {NULL, "silent", "here it is -q"},
    {NULL, "no-progress", "here it is -q"},
    {NULL, "verbose", "here it is -v"},
    {NULL, "debug", "here it is -v"},
    {NULL, "version", "'cosmicman --version' prints it"},
    {NULL, "resume", "a stopped run goes on when the same command is given again"},
    {NULL, "continue", "a stopped run goes on when the same command is given again"},
    {NULL, "resume-from-checkpoint", "a stopped run goes on when the same command is given again"},
    {"generate", "n", "here it is --images"},
    {"generate", "batch-size", "--images N makes several, one after another"},
    {"generate", "guidance-interval", "here it is --cfg-from and --cfg-to"},
    {"generate", "image", "it begins from latents: --from-latents FILE, which --save-latents left"},
    {"generate", "init-image", "it begins from latents: --from-latents FILE, which --save-latents left"},
    {"generate", "img2img", "it begins from latents: --from-latents FILE, which --save-latents left"},
    {"generate", "refiner", "a second command refines: --model REFINER --from-latents FILE --strength 0.3"},
    {"generate", "karras", "here it is --sampler dpmpp_2m_karras"},
    {"generate", "eta", "the sampler decides how much noise is added: ddim adds none, ddpm and euler_a at each step"},
    {"generate", "lora", "LoRA weights are not read"},
    {"score", "num-samples", "all of --images are scored; a .jsonl manifest can list fewer"},
    {"score", "num-images", "all of --images are scored; a .jsonl manifest can list fewer"},
    {"score", "dims", "the metric's name says the protocol: 'cosmicman list metrics'"},
    {"score", "mode", "the metric's name says the protocol: 'cosmicman list metrics'"},
    {"train", "epochs", "the length of a run is --steps"},
    {"train", "num-epochs", "the length of a run is --steps"},
    {"train", "num-train-epochs", "the length of a run is --steps"},
    {"train", "checkpoint", "the run's own is in --out; --init names weights to start from"},
    {"train", "dataset", "people are drawn while it trains; --people N says how many"},
};

/* In lower case, with dashes. */
static void plain_name(const char *typed, char plain[64]) {
    size_t n = 0;
    for (; typed[n] && n + 1 < 64; n++) plain[n] = typed[n] == '_' ? '-' : (char)tolower((unsigned char)typed[n]);
    plain[n] = '\0';
}

const char *cm_foreign_advice(const char *command, const char *typed) {
    char plain[64];
    plain_name(typed, plain);
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].theirs, plain) == 0 && (!advices[i].command || strcmp(advices[i].command, command) == 0))
            return advices[i].advice;
    return NULL;
}

static bool has_option(const cm_option *options, const char *name) {
    for (const cm_option *o = options; o && o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

const char *cm_foreign_option(const cm_option *options, const char *typed) {
    char plain[64];
    plain_name(typed, plain);
    for (const cm_option *o = options; o && o->name; o++)
        if (strcmp(o->name, plain) == 0) return o->name;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].theirs, plain) == 0 && has_option(options, names[i].ours)) return names[i].ours;
    return NULL;
}
