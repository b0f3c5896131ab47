// SPDX-License-Identifier: Apache-2.0
/* A scheduler_config.json, as diffusers' from_config reads it for the sampler in use: every key that this sampler reads
 * is followed or refused, those of other schedulers are left alone, and no other key is known. */
#include <math.h>
#include <string.h>

#include "core/base/closest.h"
#include "core/generator/sampler_parts.h"
#include "core/networks/config.h"

enum { DDIM = 1, DDPM = 2, PNDM = 4, LMS = 8, EULER = 16, EULER_A = 32, DPM = 64, ALL = 127, OTHERS = 0 };

static const struct {
    const char *name;
    const cm_sampler *sampler;
} classes[] = {
    {"DDIMScheduler", &cm_sampler_ddim},
    {"DDIMParallelScheduler", &cm_sampler_ddim},
    {"DDPMScheduler", &cm_sampler_ddpm},
    {"DDPMParallelScheduler", &cm_sampler_ddpm},
    {"PNDMScheduler", &cm_sampler_pndm},
    {"LMSDiscreteScheduler", &cm_sampler_lms},
    {"EulerDiscreteScheduler", &cm_sampler_euler},
    {"EulerAncestralDiscreteScheduler", &cm_sampler_euler_a},
    {"DPMSolverMultistepScheduler", &cm_sampler_dpmpp_2m},
};

/* Schedulers of networks that predict something else, or at other noise levels: no sampler here suits them. */
static const char *const foreign[] = {
    "CosineDPMSolverMultistepScheduler",
    "EDMDPMSolverMultistepScheduler",
    "EDMEulerScheduler",
    "FlowMapEulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler",
    "FlowMatchLCMScheduler",
    "HeliosDMDScheduler",
    "HeliosScheduler",
    "LTXEulerAncestralRFScheduler",
    "PiflowScheduler",
    "SCMScheduler",
    NULL,
};

static unsigned bit_of(const cm_sampler *s) {
    static const struct {
        const cm_sampler *sampler;
        unsigned bit;
    } bits[] = {{&cm_sampler_ddim, DDIM},    {&cm_sampler_ddpm, DDPM},          {&cm_sampler_pndm, PNDM},
                {&cm_sampler_lms, LMS},      {&cm_sampler_euler, EULER},        {&cm_sampler_euler_a, EULER_A},
                {&cm_sampler_dpmpp_2m, DPM}, {&cm_sampler_dpmpp_2m_karras, DPM}};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        if (bits[i].sampler == s) return bits[i].bit;
    return ALL;
}

/* --- keys ----------------------------------------------------------------- */

/* Every key of diffusers 0.42's schedulers for images, and which samplers read it. */
static const struct key {
    const char *name;
    unsigned readers;
    bool nullable; /* null is a value of its own, or its default */
} keys[] = {
    {"num_train_timesteps", ALL, false},
    {"beta_start", ALL, false},
    {"beta_end", ALL, false},
    {"beta_schedule", ALL, false},
    {"trained_betas", ALL, true},
    {"prediction_type", ALL, false},
    {"timestep_spacing", ALL, false},
    {"steps_offset", ALL, false},
    {"clip_sample", DDIM | DDPM, true},
    {"clip_sample_range", DDIM | DDPM, false},
    {"set_alpha_to_one", DDIM | PNDM, false},
    {"thresholding", DDIM | DDPM | DPM, false},
    {"dynamic_thresholding_ratio", DDIM | DDPM | DPM, false},
    {"sample_max_value", DDIM | DDPM | DPM, false},
    {"rescale_betas_zero_snr", DDIM | DDPM | EULER | EULER_A | DPM, false},
    {"variance_type", DDPM | DPM, true},
    {"skip_prk_steps", PNDM, false},
    {"use_karras_sigmas", LMS | EULER | DPM, false},
    {"use_exponential_sigmas", LMS | EULER | DPM, false},
    {"use_beta_sigmas", LMS | EULER | DPM, false},
    {"use_lu_lambdas", DPM, false},
    {"sigma_min", LMS | EULER | DPM, true},
    {"sigma_max", LMS | EULER | DPM, true},
    {"interpolation_type", EULER, false},
    {"timestep_type", EULER, false},
    {"final_sigmas_type", EULER | DPM, false},
    {"solver_order", DPM, false},
    {"algorithm_type", DPM, false},
    {"solver_type", DPM, false},
    {"lower_order_final", DPM, false},
    {"euler_at_final", DPM, false},
    {"lambda_min_clipped", DPM, false},
    {"use_flow_sigmas", ALL, true},
    /* of other schedulers, or without effect in a pipeline for images */
    {"disable_corrector", OTHERS, true},
    {"eta", OTHERS, true},
    {"flow_shift", OTHERS, true},
    {"noise_sampler_seed", OTHERS, true},
    {"original_inference_steps", OTHERS, true},
    {"predict_x0", OTHERS, true},
    {"predictor_order", OTHERS, true},
    {"corrector_order", OTHERS, true},
    {"tau_func", OTHERS, true},
    {"rho", OTHERS, true},
    {"sigma_data", OTHERS, true},
    {"sigma_schedule", OTHERS, true},
    {"s_noise", OTHERS, true},
    {"clip_denoised", OTHERS, true},
    {"shift", OTHERS, true},
    {"shift_terminal", OTHERS, true},
    {"sigma_last", OTHERS, true},
    {"solver_p", OTHERS, true},
    {"tensor_format", OTHERS, true},
    {"time_shift_type", OTHERS, true},
    {"timestep_scaling", OTHERS, true},
    {"use_dynamic_shifting", OTHERS, true},
    {"base_image_seq_len", OTHERS, true},
    {"base_shift", OTHERS, true},
    {"max_image_seq_len", OTHERS, true},
    {"max_shift", OTHERS, true},
    {"invert_sigmas", OTHERS, true},
    {"stochastic_sampling", OTHERS, true},
    {"snr_shift_scale", OTHERS, true},
    {"scaler", OTHERS, true},
    {"skip_type", OTHERS, true},
    {"class_name", OTHERS, true},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static const struct key *find_key(const char *name) {
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
    return NULL;
}

static cm_status unknown_key(const char *what, const char *name) {
    const char *names[KEYS + 1] = {NULL};
    for (size_t i = 0; i < KEYS; i++) names[i] = keys[i].name;
    const char *near = cm_closest(name, names);
    if (near) return cm_fail(CM_EFORMAT, "%s: unknown key \"%.60s\"; the closest is \"%s\"", what, name, near);
    return cm_fail(CM_EFORMAT, "%s: unknown key \"%.60s\"; no scheduler has one of that name", what, name);
}

/* What each value may be is the reader's; here: that the key is known, and is not null where null is no value. */
static cm_status check_keys(const json_t *config, const char *what, unsigned reader) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)config, name, value) {
        if (name[0] == '_') continue;
        const struct key *k = find_key(name);
        if (!k) return unknown_key(what, name);
        if ((k->readers & reader) && json_is_null(value) && !k->nullable)
            return cm_fail(CM_EFORMAT, "%s: \"%s\" is null; a value is wanted, or no such key", what, name);
    }
    return CM_OK;
}

/* --- values --------------------------------------------------------------- */

typedef struct reading {
    cm_config c;
    unsigned reader;
} reading;

static bool reads(const reading *r, const char *key) {
    return (find_key(key)->readers & r->reader) != 0;
}

static double number_of(reading *r, const char *key, double otherwise, double low, double high) {
    if (!reads(r, key)) return otherwise;
    const double v = cm_config_number(&r->c, key, otherwise);
    if (r->c.status == CM_OK && !(v >= low && v <= high))
        r->c.status = cm_fail(CM_EFORMAT, "%s: \"%s\" is %g, not a number from %g to %g", r->c.what, key, v, low, high);
    return v;
}

static size_t size_of(reading *r, const char *key, size_t otherwise, size_t low, size_t high) {
    return reads(r, key) ? cm_config_size(&r->c, key, otherwise, low, high) : otherwise;
}

static bool bool_of(reading *r, const char *key, bool otherwise) {
    return reads(r, key) ? cm_config_bool(&r->c, key, otherwise) : otherwise;
}

/* The place of the key's text in `names` (ends in NULL), whose first is the default; another text is refused. */
static size_t name_of(reading *r, const char *key, const char *const *names) {
    if (!reads(r, key)) return 0;
    const char *is = cm_config_text(&r->c, key, names[0]);
    char list[240] = "";
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], is) == 0) return i;
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
    }
    if (r->c.status == CM_OK)
        r->c.status = cm_fail(CM_EFORMAT, "%s: %s '%.40s' is not supported here; %s", r->c.what, key, is, list);
    return 0;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refuse(reading *r, const char *why) {
    if (r->c.status == CM_OK) r->c.status = cm_fail(CM_EFORMAT, "%s: %s", r->c.what, why);
}

/* --- the training's noise ------------------------------------------------- */

/* torch.linspace in f32, which counts from both ends. */
static float line_at(float from, float to, size_t i, size_t n) {
    const float step = n > 1 ? (to - from) / (float)(n - 1) : 0;
    return i < n / 2 || n == 1 ? from + step * (float)i : to - step * (float)(n - 1 - i);
}

/* The cosine schedule's share of signal at u in [0,1] (Nichol and Dhariwal 2021, eq. 17). */
static double cosine_alpha(double u) {
    const double c = cos((u + 0.008) / 1.008 * acos(-1.0) / 2);
    return c * c;
}

/* diffusers' "laplace". */
static double laplace_alpha(double u) {
    const double log_snr = -0.5 * copysign(1, 0.5 - u) * log(1 - 2 * fabs(0.5 - u) + 1e-6);
    return sqrt(exp(log_snr) / (1 + exp(log_snr)));
}

static float beta_between(double (*alpha)(double), size_t i, size_t n) {
    return (float)fmin(1 - alpha((double)(i + 1) / (double)n) / alpha((double)i / (double)n), 0.999);
}

enum { LINEAR, SCALED_LINEAR, COSINE, SIGMOID, LAPLACE };

static float beta_at(size_t kind, double from, double to, size_t i, size_t n) {
    switch (kind) {
    case SCALED_LINEAR: {
        const float root = line_at((float)sqrt(from), (float)sqrt(to), i, n);
        return root * root;
    }
    case COSINE: return beta_between(cosine_alpha, i, n);
    case SIGMOID: return 1 / (1 + expf(-line_at(-6, 6, i, n))) * ((float)to - (float)from) + (float)from;
    case LAPLACE: return beta_between(laplace_alpha, i, n);
    default: return line_at((float)from, (float)to, i, n);
    }
}

static float trained_beta(reading *r, const json_t *list, size_t i) {
    const json_t *v = json_array_get(list, i);
    if (!json_is_number(v)) refuse(r, "\"trained_betas\" must be a list of numbers");
    return (float)json_number_value(v);
}

static void fill_betas(reading *r, size_t n, double *betas) {
    const json_t *trained = json_object_get(r->c.json, "trained_betas");
    const size_t kind =
        name_of(r, "beta_schedule",
                r->reader == DDPM ? NAMES("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "laplace")
                                  : NAMES("linear", "scaled_linear", "squaredcos_cap_v2"));
    const double from = number_of(r, "beta_start", 0.0001, 0, 1), to = number_of(r, "beta_end", 0.02, 0, 1);
    if (trained && !json_is_null(trained) && json_array_size(trained) != n && r->c.status == CM_OK)
        r->c.status = cm_fail(CM_EFORMAT, "%s: \"trained_betas\" must be a list of %zu numbers, one a training step",
                              r->c.what, n);
    for (size_t i = 0; i < n && r->c.status == CM_OK; i++) {
        betas[i] = (double)(json_is_array(trained) ? trained_beta(r, trained, i) : beta_at(kind, from, to, i, n));
        if (r->c.status == CM_OK && !(betas[i] > 0 && betas[i] < 1))
            r->c.status = cm_fail(CM_EFORMAT, "%s: beta %zu is %g, outside (0,1)", r->c.what, i, betas[i]);
    }
}

/* Shifts and scales the roots so that the last is 0 and the first stays (Lin et al. 2023, algorithm 1), in f32 as
 * diffusers. */
static void rescale_to_zero_snr(double *betas, size_t n) {
    double product = 1;
    for (size_t i = 0; i < n; i++) {
        product *= (double)(1 - (float)betas[i]);
        betas[i] = (double)sqrtf((float)product);
    }
    const float first = (float)betas[0], last = (float)betas[n - 1], scale = first / (first - last);
    float before = 1;
    for (size_t i = 0; i < n; i++) {
        const float root = ((float)betas[i] - last) * scale, bar = root * root;
        betas[i] = (double)(1 - bar / before);
        before = bar;
    }
}

/* Products in double, each kept in f32: torch.cumprod of f32 betas. */
static void multiply(const double *betas, size_t n, double *alphas) {
    double product = 1;
    for (size_t i = 0; i < n; i++) {
        product *= (double)(1 - (float)betas[i]);
        alphas[i] = (double)(float)product;
    }
}

static void read_noise(reading *r, cm_schedule *s) {
    double *alphas = s->alphas_cumprod;
    const size_t n = s->train_steps;
    fill_betas(r, n, alphas);
    const bool rescale = bool_of(r, "rescale_betas_zero_snr", false);
    if (r->c.status != CM_OK) return;
    if (rescale && n > 1) rescale_to_zero_snr(alphas, n);
    multiply(alphas, n, alphas);
    if (rescale && r->reader != ALL && (r->reader & (EULER | EULER_A | DPM)))
        alphas[n - 1] = 0x1p-24; /* noise levels stay finite */
    const char *kind = cm_config_text(&r->c, "beta_schedule", "linear");
    s->cosine = strcmp(kind, "squaredcos_cap_v2") == 0;
}

/* --- steps ---------------------------------------------------------------- */

static void read_prediction(reading *r, cm_schedule *s) {
    static const cm_prediction kinds[] = {CM_PREDICT_EPSILON, CM_PREDICT_V, CM_PREDICT_SAMPLE};
    const bool noise_only = r->reader == PNDM || r->reader == EULER_A;
    s->prediction =
        kinds[name_of(r, "prediction_type",
                      noise_only ? NAMES("epsilon", "v_prediction") : NAMES("epsilon", "v_prediction", "sample"))];
}

static void read_limits(reading *r, cm_schedule *s) {
    const double large = 1e30;
    s->clip_sample = bool_of(r, "clip_sample", (r->reader & (DDIM | DDPM)) != 0);
    if (json_is_null(json_object_get(r->c.json, "clip_sample"))) s->clip_sample = false; /* as Python's None */
    s->clip_range = number_of(r, "clip_sample_range", 1, 0, large);
    s->threshold = bool_of(r, "thresholding", false);
    s->threshold_ratio =
        number_of(r, "dynamic_thresholding_ratio", 0.995, s->threshold ? 0 : -large, s->threshold ? 1 : large);
    s->threshold_most = number_of(r, "sample_max_value", 1, s->threshold ? 1e-6 : -large, large);
}

/* Which noise levels; only one way may be asked for. */
static void read_levels(reading *r, bool karras, cm_schedule *s) {
    const bool asked = bool_of(r, "use_karras_sigmas", false) || karras,
               exponential = bool_of(r, "use_exponential_sigmas", false);
    const bool beta = bool_of(r, "use_beta_sigmas", false), lu = bool_of(r, "use_lu_lambdas", false);
    if (asked + exponential + beta > 1)
        refuse(r, "only one of use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas can be true");
    s->levels = asked         ? CM_LEVELS_KARRAS
                : lu          ? CM_LEVELS_LU
                : exponential ? CM_LEVELS_EXPONENTIAL
                : beta        ? CM_LEVELS_BETA
                              : CM_LEVELS_STEPS;
    const double least = number_of(r, "sigma_min", 0, 0, 1e6), most = number_of(r, "sigma_max", 0, 0, 1e6);
    const bool follows = s->levels != CM_LEVELS_LU && !(r->reader == LMS && s->levels == CM_LEVELS_KARRAS);
    if (json_is_number(json_object_get(r->c.json, "sigma_min")) && least == 0 && reads(r, "sigma_min"))
        refuse(r, "\"sigma_min\" must be above 0");
    if (json_is_number(json_object_get(r->c.json, "sigma_max")) && most == 0 && reads(r, "sigma_max"))
        refuse(r, "\"sigma_max\" must be above 0");
    s->sigma_min = follows ? least : 0;
    s->sigma_max = follows ? most : 0;
    s->log_linear = name_of(r, "interpolation_type", NAMES("linear", "log_linear")) == 1;
    s->continuous = name_of(r, "timestep_type", NAMES("discrete", "continuous")) == 1;
    s->ends_at_least = name_of(r, "final_sigmas_type", NAMES("zero", "sigma_min")) == 1;
}

static void read_variance(reading *r, cm_schedule *s) {
    if (r->reader == DDPM) {
        if (json_is_null(json_object_get(r->c.json, "variance_type"))) refuse(r, "\"variance_type\" is null");
        s->large_variance = name_of(r, "variance_type", NAMES("fixed_small", "fixed_small_log", "fixed_large")) == 2;
    } else if (r->reader == DPM) {
        name_of(r, "variance_type", NAMES("fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"));
    }
}

static double lambda_of(reading *r) {
    const json_t *v = json_object_get(r->c.json, "lambda_min_clipped");
    if (!v || !reads(r, "lambda_min_clipped") || (json_is_string(v) && strcmp(json_string_value(v), "-Infinity") == 0))
        return -INFINITY;
    return number_of(r, "lambda_min_clipped", -1e30, -1e30, 1e30);
}

/* DPM-Solver's; names of other multistep solvers mean the nearest of its own, as in diffusers. */
static void read_solver(reading *r, cm_schedule *s) {
    static const cm_algorithm algorithms[] = {CM_DPMSOLVER_PP, CM_DPMSOLVER, CM_SDE_DPMSOLVER_PP, CM_SDE_DPMSOLVER,
                                              CM_DPMSOLVER_PP};
    s->order = size_of(r, "solver_order", 2, 1, 3);
    s->algorithm = algorithms[name_of(r, "algorithm_type",
                                      NAMES("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver", "deis"))];
    s->heun = name_of(r, "solver_type", NAMES("midpoint", "heun", "logrho", "bh1", "bh2")) == 1;
    s->lower_order_final = bool_of(r, "lower_order_final", true);
    s->euler_at_final = bool_of(r, "euler_at_final", false);
    s->lambda_min = lambda_of(r);
    const bool of_noise = s->algorithm == CM_DPMSOLVER || s->algorithm == CM_SDE_DPMSOLVER;
    if (of_noise && !s->ends_at_least)
        refuse(r, "algorithm_type dpmsolver and sde-dpmsolver want final_sigmas_type \"sigma_min\"");
    if (s->algorithm == CM_SDE_DPMSOLVER && s->order == 3)
        refuse(r, "algorithm_type sde-dpmsolver has no solver_order 3; 1 or 2");
}

/* The Runge-Kutta steps at PNDM's beginning are its class's default. */
static void check_pndm(reading *r) {
    const bool its_class = strcmp(cm_config_text(&r->c, "_class_name", ""), "PNDMScheduler") == 0;
    if (!bool_of(r, "skip_prk_steps", !its_class))
        refuse(r, "PNDM's Runge-Kutta steps are not supported, only \"skip_prk_steps\": true; --sampler NAME takes "
                  "another sampler");
}

cm_status cm_schedule_configure(const json_t *config, const cm_sampler *sampler, cm_arena *out, cm_schedule *s) {
    static const cm_spacing spacings[] = {CM_SPACING_DEFAULT, CM_SPACING_LEADING, CM_SPACING_TRAILING,
                                          CM_SPACING_LINSPACE};
    cm_schedule made = {0};
    reading r = {.c = cm_config_begin(config, "scheduler config"), .reader = bit_of(sampler)};
    if (r.c.status == CM_OK) r.c.status = check_keys(config, r.c.what, r.reader);
    made.train_steps = size_of(&r, "num_train_timesteps", 1000, 1, 100000);
    made.steps_offset = (int)size_of(&r, "steps_offset", 0, 0, 100000);
    made.final_alpha = reads(&r, "set_alpha_to_one") && json_object_get(config, "set_alpha_to_one")
                           ? bool_of(&r, "set_alpha_to_one", false)
                           : -1;
    if (json_object_get(config, "timestep_spacing"))
        made.spacing = spacings[1 + name_of(&r, "timestep_spacing", NAMES("leading", "trailing", "linspace"))];
    if (bool_of(&r, "use_flow_sigmas", false))
        refuse(&r, "use_flow_sigmas is of networks for flow matching, which are not supported");
    read_prediction(&r, &made);
    read_limits(&r, &made);
    read_levels(&r, sampler == &cm_sampler_dpmpp_2m_karras, &made);
    read_variance(&r, &made);
    read_solver(&r, &made);
    if (r.reader == PNDM) check_pndm(&r);
    if (r.c.status != CM_OK) return r.c.status;
    made.alphas_cumprod = CM_PUSH(out, double, made.train_steps);
    CM_TRY(cm_arena_check(out));
    read_noise(&r, &made);
    if (r.c.status == CM_OK) *s = made;
    return r.c.status;
}

/* --- the class ------------------------------------------------------------ */

const cm_sampler *cm_sampler_for_class(const char *class_name) {
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(class_name, classes[i].name) == 0) return classes[i].sampler;
    return NULL;
}

cm_status cm_sampler_of_config(const json_t *config, const char *otherwise, const cm_sampler *asked,
                               const cm_sampler **out) {
    cm_config c = cm_config_begin(config, "scheduler config");
    const char *name = cm_config_text(&c, "_class_name", otherwise ? otherwise : "");
    CM_TRY(c.status);
    for (size_t i = 0; foreign[i]; i++) {
        if (strcmp(foreign[i], name) == 0)
            return cm_fail(CM_EUNAVAILABLE,
                           "%s: %s is of networks with another parametrisation, which no sampler here suits", c.what,
                           name);
    }
    *out = asked ? asked : cm_sampler_for_class(name);
    if (*out) return CM_OK;
    if (!name[0])
        return cm_fail(CM_EFORMAT, "%s: no \"_class_name\" says which sampler; --sampler NAME does ('list samplers')",
                       c.what);
    return cm_fail(CM_EUNAVAILABLE,
                   "%s: there is no %.60s here; --sampler NAME draws with another sampler ('list samplers')", c.what,
                   name);
}
