# Kubernetes manifests from the same options: a nightly CronJob, a first Job, Deployment and Service over one volume.
#   kubectl apply -f $(nix build --no-link --print-out-paths .#k8s)
# `.override` takes other settings and another registry. `digests` is the output of `nix run .#push`; with it the images
# are named by digest, as pushed images should be.
{
  lib,
  writeText,
  programs,
  registry ? "localhost:5000",
  tag ? programs.version,
  digests ? { },
  size ? "5Gi",
  settings ? { },
}:
let
  cfg =
    (lib.evalModules {
      modules = [
        ./options.nix
        {
          services.fdnix = {
            package = programs;
            maxMemory = 2560; # of the job's 3 GiB; Node and what it reads take the rest
          }
          // settings;
        }
      ];
    }).config.services.fdnix;
  image =
    name:
    let
      pushed = digests."fdnix-${name}";
    in
    "${registry}/fdnix-${name}"
    + (if digests ? "fdnix-${name}" then "@${pushed.digest or pushed}" else ":${tag}");
  failed = map (a: a.message) (lib.filter (a: !a.assertion) cfg.assertions);

  labels = component: {
    "app.kubernetes.io/name" = "fdnix";
    "app.kubernetes.io/component" = component;
  };
  object = apiVersion: kind: name: spec: {
    inherit apiVersion kind spec;
    metadata = {
      inherit name;
      labels = labels name;
    };
  };
  pod =
    {
      name,
      from,
      arguments,
      resources,
      env ? { },
      container ? { },
      spec ? { },
    }:
    {
      metadata.labels = labels name;
      spec = {
        automountServiceAccountToken = false;
        securityContext = {
          runAsNonRoot = true;
          runAsUser = 65532;
          fsGroup = 65532;
          seccompProfile.type = "RuntimeDefault";
        };
        terminationGracePeriodSeconds = 30;
        containers = [
          (
            {
              inherit name resources;
              image = image from;
              args = arguments;
              env = lib.mapAttrsToList lib.nameValuePair (
                {
                  FDNIX_HOME = "/data";
                }
                // cfg.environment
                // env
              );
              securityContext = {
                allowPrivilegeEscalation = false;
                readOnlyRootFilesystem = true;
                capabilities.drop = [ "ALL" ];
              };
              volumeMounts = [
                {
                  name = "data";
                  mountPath = "/data";
                }
                {
                  name = "tmp";
                  mountPath = "/tmp";
                }
              ];
            }
            // container
          )
        ];
        volumes = [
          {
            name = "data";
            persistentVolumeClaim.claimName = "fdnix";
          }
          {
            name = "tmp";
            emptyDir = { };
          }
        ];
      }
      // spec;
    };
  job = {
    backoffLimit = 2;
    template = pod {
      name = "index";
      from = "metadata-generator";
      arguments = cfg.arguments.run;
      # Status 3 means done, except for attributes of nixpkgs that never evaluate. Another try would not help.
      env.NODE_OPTIONS = "--import=data:text/javascript,process.on('exit',status=>{if(status===3)process.exitCode=0})";
      spec = {
        restartPolicy = "OnFailure";
        # A ReadWriteOnce volume belongs to one node, so the job runs on the node of the search, which has it mounted.
        affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution = [
          {
            labelSelector.matchLabels = labels "search";
            topologyKey = "kubernetes.io/hostname";
          }
        ];
      };
      resources = {
        requests = {
          cpu = "1";
          memory = "3Gi";
        };
        limits.memory = "3Gi";
      };
    };
  };
  probe = {
    httpGet = {
      path = "/api/v1/status";
      port = "http";
    };
  };

  manifests = [
    (object "v1" "PersistentVolumeClaim" "fdnix" {
      accessModes = [ "ReadWriteOnce" ];
      resources.requests.storage = size;
    })
    (object "batch/v1" "Job" "fdnix-first" job)
    (object "batch/v1" "CronJob" "fdnix" {
      # minute hour, from HH:MM
      schedule = "${toString (lib.toIntBase10 (lib.substring 3 2 cfg.time))} ${toString (lib.toIntBase10 (lib.substring 0 2 cfg.time))} * * *";
      timeZone = "Etc/UTC";
      concurrencyPolicy = "Forbid";
      jobTemplate.spec = job;
    })
    (object "apps/v1" "Deployment" "fdnix-search" {
      replicas = 1;
      # Pods of the old and the new version might run on two nodes, but the volume is only on one.
      strategy.type = "Recreate";
      selector.matchLabels = labels "search";
      template = pod {
        name = "search";
        from = "search";
        arguments = [
          "serve"
          "--wait" # for what the first job makes: not ready until then, and not restarted either
          "--host"
          "0.0.0.0"
          "--port"
          (toString cfg.serve.port)
        ];
        env.FDNIX_INDEX = cfg.environment.FDNIX_INDEX or "/data/index.sqlite";
        resources = {
          requests = {
            cpu = "100m";
            memory = "400Mi";
          };
          limits.memory = "1Gi";
        };
        container = {
          ports = [
            {
              name = "http";
              containerPort = cfg.serve.port;
            }
          ];
          # The first index may take six hours. The other probes begin when this one has succeeded.
          startupProbe = probe // {
            periodSeconds = 10;
            failureThreshold = 2160;
          };
          readinessProbe = probe;
          livenessProbe = probe // {
            periodSeconds = 30;
          };
        };
      };
    })
    (object "v1" "Service" "fdnix-search" {
      selector = labels "search";
      ports = [
        {
          name = "http";
          port = 80;
          targetPort = "http";
        }
      ];
    })
  ];
in
if failed != [ ] then
  throw (lib.concatStringsSep " " failed)
else
  # JSON is YAML, and kubectl accepts a List as one file.
  writeText "fdnix-k8s.json" (
    builtins.unsafeDiscardStringContext (
      builtins.toJSON {
        apiVersion = "v1";
        kind = "List";
        items = manifests;
      }
    )
  )
