# With failFast a template starts nothing more after the first failure.

workflow
    entrypoint: main
    templates:
    - name: main
      parallelism: 1
      failFast: true
      steps:
      - - {name: each, template: work, withItems: [1, 2, 3]}
    - name: work
      container: {image: busybox}
----
workflow: new -> Running
wf: new -> Running
wf[0]: new -> Running
wf[0].each(0:1): new -> Pending
create wf-work-3283535007

"wf[0].each(0:1)" fails
----
wf[0].each(0:1): Pending -> Failed (main: Error (exit code 1))
wf[0]: Running -> Failed (template has failed or errored children and failFast enabled)
wf: Running -> Failed (template has failed or errored children and failFast enabled)
workflow: Running -> Failed (template has failed or errored children and failFast enabled)
