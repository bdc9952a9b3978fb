// b24jssdk: calls, a batch and a renewal, as an installed application.
import { strict as assert } from 'node:assert'
import { readFileSync } from 'node:fs'
import { B24OAuth } from '@bitrix24/b24jssdk'

const told = JSON.parse(readFileSync(`${process.env.FOLDER}/portal.json`, 'utf8'))
const verb = async (name, body = {}) =>
  (await fetch(`http://${told.listens}/sandbox/${name}`, { method: 'POST', body: JSON.stringify(body) })).json()

await verb('install_silently')
const granted = await verb('grant')
const b24 = new B24OAuth(
  {
    applicationToken: '',
    userId: 1,
    memberId: granted.member_id,
    accessToken: granted.access_token,
    refreshToken: granted.refresh_token,
    expires: Math.floor(Date.now() / 1000) + 3600,
    expiresIn: 3600,
    scope: 'imopenlines,imconnector,im',
    domain: 'portal.example',
    clientEndpoint: granted.client_endpoint,
    serverEndpoint: granted.server_endpoint,
    status: 'L',
  },
  { clientId: told.client_id, clientSecret: told.client_secret },
)
b24.offClientSideWarning()

const call = async (method, params = {}) => {
  const answer = await b24.actions.v2.call.make({ method, params, requestId: 'witness' })
  assert(answer.isSuccess, answer.getErrorMessages().join('; '))
  return answer.getData().result
}

assert.equal((await call('profile')).ADMIN, true)
assert.deepEqual(await call('scope'), ['imopenlines', 'imconnector', 'im'])
assert.equal((await call('imopenlines.config.get', { CONFIG_ID: 1 })).LINE_NAME, 'Support')
await verb('expire_access_tokens')
assert.equal((await call('app.info')).INSTALLED, true, 'renewed by itself')
const all = await b24.actions.v2.batch.make({
  calls: { time: { method: 'server.time', params: {} }, who: { method: 'profile', params: {} } },
  options: { isHaltOnError: true, requestId: 'witness' },
})
assert(all.isSuccess, all.getErrorMessages().join('; '))
console.log('b24jssdk 2.2.0: agrees')
